// Accepts connections, reads all that comes and never answers. Options come as one JSON argument.
const opt = JSON.parse(process.argv[2]);
require("net").createServer((socket) => socket.on("data", () => {}).on("error", () => {})).listen(opt.port, "127.0.0.1");
