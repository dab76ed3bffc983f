// The upload page: pictures in, detail and options chosen, one button.

import { pages } from '../api/addresses';
import { getModels, isSimulated } from '../api/client';
import { rememberTask, rememberThumbnails } from '../api/session';
import type { ModelsAnswer } from '../api/models';
import type { UploadAnswer } from '../api/types';
import { Shelf } from '../storage/shelf';
import { showAccount } from '../ui/account';
import { announce } from '../ui/announce';
import { byId, fill, h, setText } from '../ui/dom';
import { notice, showNotice } from '../ui/notice';
import { reveal } from '../ui/reveal';
import { showSimulatorBanner } from '../ui/simulator-banner';
import { count } from '../ui/words';
import { dropZone } from '../upload/drop-zone';
import { EstimateLine } from '../upload/estimate-line';
import { explainTo } from '../upload/explain';
import { IdempotencyKey } from '../upload/idempotency';
import { PictureGrid } from '../upload/picture-grid';
import { PictureList, type Picture } from '../upload/picture-list';
import { leftOut, leftOutWords } from '../upload/left-out';
import { sendUpload } from '../upload/send';
import { SendingPanel } from '../upload/sending-panel';
import { Settings } from '../upload/settings';

const list = new PictureList(render);
const zone = dropZone((files) => void add(files));
const grid = new PictureGrid(list, zone.input);
const shelf = new Shelf();
const settings = new Settings(render);
const estimate = new EstimateLine();
const zoneItem = h('li', { class: 'picture-add' }, zone.element, zone.camera);
/** About the pictures, under them: the options may be a screen further down. */
const arrivals = h('div', { class: 'messages' });
/** About sending, beside its button. */
const messages = h('div', { class: 'messages' });
const submit = h('button', { type: 'submit', form: 'options', class: 'button button-primary button-large' });
const sending = new SendingPanel(() => underWay?.abort());
const idempotency = new IdempotencyKey();

/** Set while an upload is under way. */
let underWay: AbortController | null = null;
/** Set once the pictures of the last visit are back; before, the shelf is not touched. */
let restored = false;

function render(): void {
  const number = list.pictures.length;
  zone.setCompact(number > 0);
  grid.element.classList.toggle('is-empty', number === 0);
  zoneItem.hidden = number >= list.limits.files;
  grid.update(zoneItem);
  setText(submit, number === 0 ? 'Make models' : `Make ${count(number, 'model')}`);
  submit.disabled = number === 0 || underWay !== null || list.isLooking || list.pictures.some((picture) => picture.refusal !== null);
  estimate.show(settings.maker, settings.wishes(), number);
  if (restored) shelf.keep(list.pictures);
}

async function add(files: File[]): Promise<void> {
  const added = await list.add(files);
  const words = added > 0 ? [`${count(added, 'picture')} added, ${list.pictures.length} in all.`] : [];
  if (list.refused.length > 0) words.push(leftOutWords(list.refused));
  if (words.length > 0) announce(words.join(' '));
  showNotice(arrivals, leftOut(list.refused));
  if (list.refused.length > 0) reveal(arrivals);
}

async function send(): Promise<void> {
  const wishes = settings.read();
  if (wishes === undefined || list.pictures.length === 0 || list.isLooking || underWay !== null) return;
  const pictures = [...list.pictures];
  const controller = new AbortController();
  setUnderWay(controller);
  for (const place of [arrivals, messages]) showNotice(place, null);
  try {
    const idempotencyKey = await idempotency.for([JSON.stringify(wishes), ...pictures.map(({ id }) => id)]);
    controller.signal.throwIfAborted();
    const upload = { files: pictures.map((picture) => picture.file), wishes, idempotencyKey };
    const answer = await sendUpload(upload, (sent) => {
      sending.show(sent.whole);
      grid.showSent(sent.files);
    }, controller.signal);
    await remember(answer, pictures);
    // The same pictures sent once more from here on are meant as a new job.
    await idempotency.forget();
    location.assign(pages.processing(answer.job_id));
  } catch (cause) {
    setUnderWay(null);
    explainTo(messages, cause, { list, again: () => void send(), focus: goOn });
  }
}

/** The keyboard goes back to the button; where that wants refused pictures taken out first, to the first of them. */
function goOn(): void {
  if (submit.disabled) grid.focusRefused();
  else submit.focus();
}

function setUnderWay(controller: AbortController | null): void {
  underWay = controller;
  const busy = controller !== null;
  submit.hidden = busy;
  zone.setDisabled(busy);
  grid.setDisabled(busy);
  grid.showSent(busy ? [] : null);
  settings.element.disabled = busy;
  render();
  sending.setShown(busy);
}

async function remember(answer: UploadAnswer, pictures: readonly Picture[]): Promise<void> {
  if (answer.task_id) rememberTask(answer.task_id, answer.job_id);
  // They are in good hands now.
  restored = false;
  await shelf.clear();
  if (answer.files.length !== pictures.length) return;
  const entries = answer.files.map((file, index) => [file.file_id, pictures[index]?.thumbnail ?? ''] as const).filter(([, url]) => url !== '');
  rememberThumbnails(answer.job_id, Object.fromEntries(entries));
}

/** Brings back what an earlier visit left unsent. */
async function restore(): Promise<void> {
  await list.restore(await shelf.restore());
  restored = true;
  render();
  if (list.pictures.length > 0) {
    const words = `${count(list.pictures.length, 'picture')} of your last visit ${list.pictures.length === 1 ? 'is' : 'are'} still here.`;
    showNotice(arrivals, notice('info', words, { action: { label: 'Start afresh', run: startAfresh } }));
  }
}

/** Shows what this service makes, and what it takes. */
function offer(models: ModelsAnswer): void {
  settings.offer(models);
  // A service that is older than this page does not say.
  if (models.upload_limits) {
    const { max_files: files, max_file_bytes: bytes } = models.upload_limits;
    list.limits = { files, bytes };
    zone.setLimits(list.limits);
    setText(byId('at-once'), files === 1 ? 'a picture' : `up to ${files} pictures`);
  }
  render();
}

function startAfresh(): void {
  list.clear();
  for (const place of [arrivals, messages]) showNotice(place, null);
  zone.input.focus();
}

function onSubmit(event: Event): void {
  event.preventDefault();
  void send();
}

// Coming back to this page out of the browser's cache finds the upload over.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  setUnderWay(null);
  restored = true;
});
grid.element.append(zoneItem);
// The key form may stand among the messages, and forms do not nest: the button names its form instead.
fill(
  byId('workbench'),
  h('div', { class: 'workbench-pictures' }, grid.element, arrivals),
  h('div', { class: 'workbench-options' },
    h('form', { id: 'options', class: 'panel', 'aria-label': 'Options', novalidate: true, onsubmit: onSubmit }, settings.element),
    h('div', { class: 'submit-row panel' }, messages, estimate.element, submit, sending.element)),
);
render();
void restore();
void showSimulatorBanner();
showAccount();
// Without an answer the detail can be chosen all the same; only prices and the model's own options are missing.
void getModels().then(offer, () => undefined);
void isSimulated().then((simulated) => {
  estimate.isSimulated = simulated;
  render();
});
