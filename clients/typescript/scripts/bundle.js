// The whole client as one module, which every gateway serves at /.keepwire/client.js. With --check: is the one in the
// repository what the sources make?
import { readFileSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

const FILE = new URL("../../../crates/gateway/assets/client.js", import.meta.url);
const { outputFiles } = buildSync({
  stdin: {
    contents: ["index", "resume", "fallback"].map((file) => `export * from "./dist/esm/${file}.js";`).join("\n"),
    resolveDir: ".",
  },
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: "es2022",
  banner: { js: "// @keepwire/client: made by `npm run bundle` in clients/typescript; do not edit." },
});
if (!process.argv.includes("--check")) {
  writeFileSync(FILE, outputFiles[0].text);
} else if (readFileSync(FILE, "utf8") != outputFiles[0].text) {
  console.error("crates/gateway/assets/client.js is out of date: npm run bundle");
  process.exitCode = 1;
}
