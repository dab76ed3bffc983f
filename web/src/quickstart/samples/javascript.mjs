// Node 20 or later; nothing to install.
import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';

const BASE = 'http://127.0.0.1:3000';
const KEY = process.env.API_KEY ?? 'none'; // your key, where keys are configured

async function ask(path, options = {}) {
  const answer = await fetch(`${BASE}/api/v1${path}`, { ...options, headers: { Authorization: `Bearer ${KEY}` } });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer;
}

// Photographs in, up to 25 at once. The answer names the job.
const form = new FormData();
form.append('face_limit', '20000');
form.append('files', await openAsBlob('chair.jpg', { type: 'image/jpeg' }), 'chair.jpg');
const { job_id: job } = await (await ask('/upload', { method: 'POST', body: form })).json();

// Watch it live, as server-sent events, until it has ended. A stream is closed every few minutes, and opened again here.
let seen = '';
while (!seen.includes('"type":"job"')) {
  const events = (await ask(`/status/stream/${job}`)).body.pipeThrough(new TextDecoderStream());
  for await (const text of events) {
    console.log(text.trim());
    seen += text;
  }
}

// One GLB for each photograph.
const { files } = await (await ask(`/status/${job}`)).json();
for (const { file_id: file, filename, status, error } of files) {
  if (status !== 'completed') {
    console.log(filename, error.message);
    continue;
  }
  const model = await ask(`/download/${job}/${file}/model?stream=1`);
  await writeFile(`${filename}.glb`, Buffer.from(await model.arrayBuffer()));
}
