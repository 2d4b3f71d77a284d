// Servers and clients of others, as their users run them. Options come as one JSON argument:
// {serve: "graphql", port, host} is a server; {client: "graphql" | "socketio", url, settings, messages} is a client,
// which exits with 0 if all came back in order.
const opt = JSON.parse(process.argv[2]);

const serve = {
  graphql() {
    const { WebSocketServer } = require("ws");
    const { buildSchema } = require("graphql");
    const { useServer } = require("graphql-ws/use/ws");
    const schema = buildSchema("type Query { hello: String } type Subscription { count(to: Int!): Int }");
    const roots = {
      query: { hello: () => "world" },
      subscription: {
        async *count({ to }) {
          for (let count = 1; count <= to; count += 1) yield { count };
        },
      },
    };
    useServer({ schema, roots }, new WebSocketServer({ port: opt.port, host: opt.host, path: "/graphql" }));
  },
};

const clients = {
  async graphql() {
    const { createClient } = require("graphql-ws");
    const client = createClient({ url: opt.url, webSocketImpl: require("ws"), retryAttempts: 0 });
    for await (const { data } of client.iterate({ query: "{ hello }" })) {
      if (data.hello != "world") throw new Error("another answer");
    }
    let expected = 1;
    for await (const { data } of client.iterate({ query: `subscription { count(to: ${opt.messages}) }` })) {
      if (data.count != expected) throw new Error(`${data.count} instead of ${expected}`);
      expected += 1;
    }
    if (expected != opt.messages + 1) throw new Error(`only ${expected - 1} came`);
    await client.dispose();
  },
  async socketio() {
    const { io } = require("socket.io-client");
    const socket = io(opt.url, { reconnection: false, ...opt.settings });
    await new Promise((done, failed) => {
      let expected = 0;
      socket.on("connect_error", failed);
      socket.on("disconnect", (why) => failed(new Error(why)));
      socket.on("connect", () => {
        const begin = () => {
          for (let number = 0; number < opt.messages; number += 1) socket.emit("number", number, Buffer.from([number]));
        };
        if (socket.io.engine.transport.name == "websocket") begin();
        else socket.io.engine.once("upgrade", begin);
      });
      socket.on("number", (number, bytes) => {
        if (number != expected || bytes[0] != number % 256) return failed(new Error(`${number} instead of ${expected}`));
        expected += 1;
        if (expected == opt.messages) done();
      });
    });
    socket.off("disconnect");
    socket.close();
  },
};

if (opt.serve) serve[opt.serve]();
else {
  setTimeout(() => {
    console.error("it takes too long");
    process.exit(1);
  }, 20000).unref();
  clients[opt.client]().catch((error) => {
    console.error(String(error.message ?? error));
    process.exit(1);
  });
}
