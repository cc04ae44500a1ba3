// fal's published example; only the address is Rubylith's. `npm install @fal-ai/client`, then:
//     node fal.mjs
import { readFile } from "node:fs/promises";
import { fal } from "@fal-ai/client";

const server = process.env.RUBYLITH_SERVER ?? "http://127.0.0.1:8000";
const photo = process.env.RUBYLITH_PHOTO ?? new URL("photo.jpg", import.meta.url);

fal.config({
  credentials: process.env.RUBYLITH_KEY ?? "none",
  proxyUrl: { url: `${server}/fal/proxy`, when: "always" },
});

const result = await fal.subscribe("fal-ai/sam2/auto-segment", {
  input: {
    image_url: new File([await readFile(photo)], "photo.jpg", { type: "image/jpeg" }),
  },
  logs: true,
  onQueueUpdate: (update) => {
    if (update.status === "IN_PROGRESS") {
      update.logs.map((log) => log.message).forEach((message) => console.log(message));
    }
  },
});
console.log(result.data);
console.log(result.requestId);
