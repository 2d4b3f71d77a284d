// What tsc has made becomes the package: names between files get short, and CommonJS stands beside ESM.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { transformSync } from "esbuild";

const files = readdirSync("dist/esm", { recursive: true }).map(String).sort();
// One for all files: what is short in one is called the same in the others.
let mangleCache = {};
rmSync("dist/cjs", { recursive: true, force: true });
for (const file of files) {
  const from = join("dist/esm", file);
  const to = join("dist/cjs", file);
  if (file.endsWith(".d.ts")) {
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  } else if (file.endsWith(".js")) {
    const source = readFileSync(from, "utf8");
    const options = { mangleProps: /^_/, mangleCache, target: "es2022" };
    const esm = transformSync(source, { ...options, format: "esm" });
    mangleCache = esm.mangleCache;
    writeFileSync(from, esm.code);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, transformSync(source, { ...options, mangleCache, format: "cjs" }).code);
  }
}
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
