// The official JavaScript client against a running fal-sim: node javascript_probe.mjs BASE_URL KEY OTHER_KEY
// Three ways lead it here: requestMiddleware, proxyUrl and fetch. Exits with the number of failed checks.
import assert from "node:assert/strict";
import { ApiError, createFalClient, ValidationError } from "@fal-ai/client";

const [base, key, otherKey] = process.argv.slice(2);
const MODEL = "tripo3d/tripo/v2.5/image-to-3d";
const PREFIXES = { "queue.fal.run": "queue", "fal.run": "run", "rest.fal.ai": "rest", "v3.fal.media": "cdn" };

function local(url) {
  const { hostname, pathname, search } = new URL(url);
  const prefix = PREFIXES[hostname];
  return prefix ? `${base}/${prefix}${pathname}${search}` : url;
}

const ways = {
  middleware: (credentials) =>
    createFalClient({ credentials, requestMiddleware: async (request) => ({ ...request, url: local(request.url) }) }),
  proxy: (credentials) => createFalClient({ credentials, proxyUrl: { url: `${base}/proxy`, when: "always" } }),
  fetch: (credentials) => createFalClient({ credentials, fetch: (url, init) => fetch(local(String(url)), init) }),
};

const image = (scenario) => ({ input: { image_url: `https://example.com/sim-${scenario}.png` } });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function rejected(promise, kind, status) {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${error.name}: ${error.message}`);
  assert.equal(error.status, status);
  return error;
}

const everyWay = {
  async uploadsAndSubscribes(fal) {
    const url = await fal.storage.upload(new File(["not an image"], "sim-ok.txt", { type: "text/plain" }));
    assert.equal(await (await fetch(url)).text(), "not an image");
    const updates = [];
    const { data, requestId } = await fal.subscribe(MODEL, {
      ...image("ok"),
      logs: true,
      pollInterval: 50,
      onQueueUpdate: (update) => updates.push(update),
    });
    assert.ok(requestId, "x-fal-request-id");
    assert.equal(updates.at(-1).status, "COMPLETED");
    assert.ok(updates.some((update) => update.status === "IN_PROGRESS"));
    const mesh = new Uint8Array(await (await fetch(data.model_mesh.url)).arrayBuffer());
    assert.equal(new TextDecoder().decode(mesh.slice(0, 4)), "glTF");
    assert.equal(mesh.length, data.model_mesh.file_size);
  },
  async failsWithTheModelsOwnWords(fal) {
    const error = await rejected(
      fal.subscribe(MODEL, { ...image("content-policy"), pollInterval: 50 }),
      ValidationError,
      422,
    );
    assert.equal(error.body.detail[0].type, "content_policy_violation");
  },
};

const once = {
  async submitsAndResumes(fal) {
    const { request_id: requestId } = await fal.queue.submit(MODEL, {
      ...image("ok"),
      webhookUrl: "http://127.0.0.1:9/hook?job=1",
      priority: "low",
    });
    const first = await fal.queue.status(MODEL, { requestId, logs: true });
    assert.ok(["IN_QUEUE", "IN_PROGRESS"].includes(first.status));
    const last = await fal.queue.subscribeToStatus(MODEL, { requestId, logs: true, pollInterval: 50 });
    assert.equal(last.status, "COMPLETED");
    assert.ok((await fal.queue.result(MODEL, { requestId })).data.task_id);
  },
  async streamsItsStatus(fal) {
    const { request_id: requestId } = await fal.queue.submit(MODEL, image("ok"));
    const stream = await fal.queue.streamStatus(MODEL, { requestId, logs: true });
    const states = [];
    for await (const event of stream) states.push(event.status);
    assert.equal(states.at(-1), "COMPLETED");
    assert.equal((await stream.done()).status, "COMPLETED");
  },
  async runsAndStreams(fal) {
    assert.ok((await fal.run(MODEL, image("ok"))).data.model_mesh.url);
    const stream = await fal.stream(MODEL, image("ok"));
    let values = 0;
    for await (const _ of stream) values += 1;
    assert.ok(values >= 2);
    assert.ok((await stream.done()).model_mesh.url);
  },
  async cancels(fal) {
    const { request_id: requestId } = await fal.queue.submit(MODEL, image("slow"));
    while ((await fal.queue.status(MODEL, { requestId })).status !== "IN_PROGRESS") await pause(50);
    await fal.queue.cancel(MODEL, { requestId });
    while ((await fal.queue.status(MODEL, { requestId })).status !== "COMPLETED") await pause(50);
    await rejected(fal.queue.result(MODEL, { requestId }), ApiError, 499);
  },
  async meetsItsOwnDeadline(fal) {
    const error = await rejected(
      fal.subscribe(MODEL, { ...image("start-timeout"), startTimeout: 5, pollInterval: 50 }),
      ApiError,
      504,
    );
    assert.ok(error.isUserTimeout);
  },
  async hearsWhatIsMissing(fal) {
    const error = await rejected(fal.subscribe(MODEL, { input: {}, pollInterval: 50 }), ValidationError, 422);
    assert.deepEqual(error.fieldErrors.at(0)?.loc, ["body", "image_url"]);
  },
  async retriesByItself(fal) {
    assert.ok((await fal.queue.submit(MODEL, image(`429-${process.hrtime.bigint()}`))).request_id);
    const { request_id: requestId } = await fal.queue.submit(MODEL, image("flaky"));
    assert.ok((await fal.queue.status(MODEL, { requestId })).status);
  },
  async keepsStrangersOut(fal) {
    await rejected(ways.middleware("nobody:secret").queue.submit(MODEL, image("ok")), ApiError, 401);
    const { request_id: requestId } = await fal.queue.submit(MODEL, image("ok"));
    await rejected(ways.middleware(otherKey).queue.status(MODEL, { requestId }), ApiError, 404);
  },
};

let failed = 0;
async function check(name, run) {
  const started = performance.now();
  try {
    await run();
    console.log(`ok      ${name} (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    failed += 1;
    console.error(`FAILED  ${name}: ${error.stack}`);
  }
}

for (const [way, client] of Object.entries(ways)) {
  for (const [name, run] of Object.entries(everyWay)) await check(`${way}: ${name}`, () => run(client(key)));
}
for (const [name, run] of Object.entries(once)) await check(`middleware: ${name}`, () => run(ways.middleware(key)));
console.log(failed ? `${failed} failed` : "all passed");
process.exit(Math.min(failed, 100));
