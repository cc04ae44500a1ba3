// Prodia's published example of segmentation; only the base URL is Rubylith's. `npm install prodia`, then:
//     node prodia.mjs
import { readFile, writeFile } from "node:fs/promises";
import { createProdia } from "prodia/v2";

const server = process.env.RUBYLITH_SERVER ?? "http://127.0.0.1:8000";
const prodia = createProdia({
  token: process.env.RUBYLITH_KEY ?? "no key was made",
  baseUrl: `${server}/prodia/v2`,
});

const photo = await readFile(process.env.RUBYLITH_PHOTO ?? new URL("photo.jpg", import.meta.url));
const segment = await prodia.job(
  { type: "inference.segment.v1" },
  { inputs: [new Uint8Array(photo)], accept: "multipart/form-data" },
);
const masks = (await segment.formData()).getAll("output");
for (const mask of masks) {
  await writeFile(mask.name, new Uint8Array(await mask.arrayBuffer()));
}
console.log(`${masks.length} masks in ${segment.job.metrics.elapsed.toFixed(2)} s: ${masks[0].name} is the largest`);
