// A client that a tool makes from the OpenAPI document that central serves. What the
// document gets wrong, the compiler or a call finds out.
import { createClient } from "@hey-api/openapi-ts";
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { root } from "./venue.mjs";

const folder = path.join(root, "var/client");

/** makeClient generates, type-checks and loads the client of the API at a base URL. */
export async function makeClient(base) {
  const answer = await fetch(`${base}/v1/openapi.json`);
  if (!answer.ok) throw new Error(`openapi.json: ${answer.status}`);
  const document = await answer.text();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "openapi.json"), document);
  await createClient({
    input: path.join(folder, "openapi.json"),
    output: { path: path.join(folder, "src"), importFileExtension: ".js" },
    plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
    logs: { level: "error" },
  });
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      target: "ES2023", module: "NodeNext", lib: ["ES2023", "DOM", "DOM.Iterable"],
      strict: true, types: [], rootDir: "src", outDir: "js",
    },
    include: ["src"],
  }));
  await promisify(execFile)(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", folder])
    .catch((e) => { throw new Error(`the generated client does not compile:\n${e.stdout}`); });
  const api = await import(pathToFileURL(path.join(folder, "js/index.js")));
  const { client } = await import(pathToFileURL(path.join(folder, "js/client.gen.js")));
  client.setConfig({ baseUrl: base });
  const { paths } = JSON.parse(document);
  client.interceptors.response.use((response, request, { url }) => {
    expected(paths[url]?.[request.method.toLowerCase()], response, `${request.method} ${url}`);
    return response;
  });
  return api;
}

/** expected throws where an answer is none that the document has for an operation. */
function expected(operation, response, what) {
  const described = operation?.responses[response.status];
  if (!described) throw new Error(`${what}: ${response.status} is not in the document`);
  const kind = (response.headers.get("Content-Type") ?? "").split(";")[0];
  const kinds = Object.keys(described.content ?? {});
  if (kinds.length > 0 ? !kinds.includes(kind) : kind !== "") throw new Error(`${what}: ${response.status} is ${kind || "nothing"}, want ${kinds}`);
}
