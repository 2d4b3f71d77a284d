// Bytes that an application pays, minified and gzipped; fails above the limits.
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const KB = 1024;
const LIMITS = [
  ["core", 3.0, { KeepwireSocket: "index" }],
  ["core + resume", 6.9, { KeepwireSocket: "index", resume: "resume" }],
  ["core + resume + fallback", 8.0, { KeepwireSocket: "index", resume: "resume", fallback: "fallback" }],
  ["core + resume + tabs", 10.7, { shared: "tabs", resume: "resume" }],
];

let failed = false;
for (const [name, limit, parts] of LIMITS) {
  const { outputFiles } = buildSync({
    stdin: {
      contents: Object.entries(parts)
        .map(([name, file]) => `export { ${name} } from "./dist/esm/${file}.js";`)
        .join("\n"),
      resolveDir: ".",
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length / KB;
  const over = size > limit;
  failed ||= over;
  console.log(`${name}: ${size.toFixed(3)} kB of ${limit.toFixed(1)}${over ? " — too much" : ""}`);
}
process.exitCode = failed ? 1 : 0;
