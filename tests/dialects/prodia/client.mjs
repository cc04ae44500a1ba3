// What the vendor's own client makes of this server: one JSON object of outcomes by name.
import { readFile } from "node:fs/promises";
import { createProdia } from "prodia/v2";

const { ADDRESS, PICTURES } = process.env;
const picture = async (name) => new Uint8Array(await readFile(`${PICTURES}/${name}`));
let asked = 0;
const plain = globalThis.fetch;
globalThis.fetch = (...parts) => ((asked += 1), plain(...parts));

const client = (token = "secret", base = `${ADDRESS}/prodia/v2`) => createProdia({ token, baseUrl: base });
const SEGMENT = { type: "inference.segment.v1" };

async function outcome(job, inputs, options = {}, made = client()) {
  const before = asked;
  try {
    const done = await made.job(job, { inputs, accept: "multipart/form-data", ...options });
    const outputs = (await done.formData()).getAll("output");
    const sizes = [];
    for (const output of outputs) {
      const bytes = new DataView(await output.arrayBuffer());
      sizes.push([bytes.getUint32(16), bytes.getUint32(20), output.type, output.name]);
    }
    return { job: done.job, outputs: sizes, asked: asked - before };
  } catch (error) {
    return { error: error.constructor.name, message: error.message, asked: asked - before };
  }
}

const jpeg = await picture("drawing.jpg");
const cases = {
  1: () => outcome(SEGMENT, [jpeg]),
  "1 buffer": () => outcome(SEGMENT, [Buffer.from(jpeg)]),
  "1 array buffer": () => outcome(SEGMENT, [jpeg.buffer.slice(0)]),
  2: async () => outcome(SEGMENT, [await picture("drawing.png")]),
  3: async () => outcome(SEGMENT, [await picture("drawing.webp")]),
  4: () => outcome(SEGMENT, [new Blob([jpeg])]),
  5: () => outcome(SEGMENT, [new File([jpeg], "in.jpg", { type: "image/jpeg" })]),
  "5 odd name": () => outcome(SEGMENT, [new File([jpeg], 'ü 中"x\r\n.jpg', { type: "image/heic" })]),
  "5 part of a buffer": () => outcome(SEGMENT, [new Uint8Array(Buffer.concat([Buffer.alloc(9), jpeg])).subarray(9)]),
  "5 two": () => outcome(SEGMENT, [jpeg, Buffer.concat([jpeg, Buffer.alloc(1)])]),
  "at once": async () => {
    const all = await Promise.all([...Array(6)].map(() => outcome(SEGMENT, [jpeg])));
    return { outputs: all.map((one) => one.outputs?.length) };
  },
  "no token": () => outcome(SEGMENT, [jpeg], {}, client("")),
  7: () => outcome(SEGMENT, [jpeg], { accept: "image/png" }),
  "7 json": () => outcome(SEGMENT, [jpeg], { accept: "application/json" }),
  "7 nothing": () => outcome(SEGMENT, [jpeg], { accept: undefined }),
  8: () => outcome({ type: "inference.sam2.segment.v1" }, [jpeg]),
  10: () => outcome(SEGMENT, [jpeg], {}, client("wrong")),
  11: () => outcome(SEGMENT, []),
  12: () => outcome(SEGMENT, [new TextEncoder().encode("hello")]),
  13: async () => outcome(SEGMENT, [await picture("drawing.gif")]),
  14: async () => outcome(SEGMENT, [await picture("small.jpg")]),
  15: async () => outcome(SEGMENT, [await picture("large.jpg")]),
  16: () => outcome(SEGMENT, [new Uint8Array(11 * 1024 * 1024).fill(255)]),
  "16 far above": () => outcome(SEGMENT, [new Uint8Array(70 * 1024 * 1024).fill(255)]),
  17: () => outcome({ ...SEGMENT, config: { foo: 1 } }, [jpeg]),
  "17 empty": () => outcome({ ...SEGMENT, config: {} }, [jpeg]),
  20: () => outcome({ type: "inference.nothing.v1" }, [jpeg]),
  "20 words": () => outcome({ type: "inference.segment.v2", config: { prompt: "cup" } }, [jpeg]),
  words: () =>
    outcome({ type: "inference.segment.v2", config: { prompt: "orange object", confidence_threshold: 0.3 } }, [jpeg]),
  "remove background": () => outcome({ type: "inference.remove-background.v1" }, [jpeg]),
  "mask background": () => outcome({ type: "inference.mask-background.v1" }, [jpeg]),
  ping: () => outcome({ type: "inference.ping.v1" }),
  slash: () => outcome({ type: "inference.ping.v1" }, [], {}, client("secret", `${ADDRESS}/prodia/v2/`)),
};
const wanted = process.env.CASES?.split(",") ?? Object.keys(cases);
const told = {};
for (const name of wanted) {
  told[name] = await cases[name]();
}
console.log(JSON.stringify(told));
