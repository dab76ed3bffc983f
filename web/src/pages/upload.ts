// The upload page: pictures in, detail chosen, one button.

import { pages } from '../api/addresses';
import { ServiceError } from '../api/problem';
import { rememberTask, rememberThumbnails, rememberToken } from '../api/session';
import type { UploadAnswer } from '../api/types';
import { announce } from '../ui/announce';
import { byId, fill, h, setText } from '../ui/dom';
import { keyForm } from '../ui/key-form';
import { notice, showNotice } from '../ui/notice';
import { ProgressBar } from '../ui/progress-bar';
import { showSimulatorBanner } from '../ui/simulator-banner';
import { bytes, count } from '../ui/words';
import { detailField } from '../upload/detail-field';
import { dropZone } from '../upload/drop-zone';
import { PictureGrid } from '../upload/picture-grid';
import { PictureList, type Picture } from '../upload/picture-list';
import { MAX_FILES } from '../upload/rules';
import { newIdempotencyKey, sendUpload } from '../upload/send';

/** Reasons shown when many files were left out. */
const MOST_REASONS = 5;

const list = new PictureList(render);
const zone = dropZone((files) => void add(files));
const grid = new PictureGrid(list, zone.input);
const zoneItem = h('li', { class: 'picture-add' });
const detail = detailField();
const messages = h('div', { class: 'messages' });
const total = h('p', { class: 'hint' });
const submit = h('button', { type: 'submit', form: 'options', class: 'button button-primary button-large' });
const cancel = h('button', { type: 'button', class: 'button button-quiet' }, 'Cancel');
const bar = new ProgressBar('Upload');
const sending = h('div', { class: 'sending', hidden: true }, h('p', { class: 'sending-words' }, 'Sending…'), bar.element, cancel);

/** Set while an upload is under way. */
let underWay: AbortController | null = null;
/** Renewed whenever the pictures or the options change. */
let idempotency = { of: '', key: '' };

function render(): void {
  const number = list.pictures.length;
  zone.setCompact(number > 0);
  grid.element.classList.toggle('is-empty', number === 0);
  zoneItem.hidden = number >= MAX_FILES;
  grid.update(zoneItem);
  setText(submit, number === 0 ? 'Make models' : `Make ${count(number, 'model')}`);
  submit.disabled = number === 0 || underWay !== null || list.pictures.some((picture) => picture.refusal !== null);
  setText(total, number === 0 ? 'No pictures yet.' : `${count(number, 'picture')}, ${bytes(list.totalBytes)}`);
}

async function add(files: File[]): Promise<void> {
  const before = list.pictures.length;
  await list.add(files);
  const added = list.pictures.length - before;
  if (added > 0) announce(`${count(added, 'picture')} added, ${list.pictures.length} in all.`);
  const lines = list.refused.slice(0, MOST_REASONS).map(({ name, reason }) => `${name}: ${reason}`);
  const unnamed = list.refused.length - lines.length;
  if (unnamed > 0) lines.push(`and ${unnamed} more`);
  showNotice(messages, lines.length === 0 ? null : notice('warning', `${count(list.refused.length, 'file')} left out:`, { list: lines }));
}

async function send(): Promise<void> {
  const faceLimit = detail.read();
  if (faceLimit === undefined || list.pictures.length === 0 || underWay !== null) return;
  const pictures = [...list.pictures];
  const controller = new AbortController();
  setUnderWay(controller);
  showNotice(messages, null);
  try {
    const files = pictures.map((picture) => picture.file);
    const upload = { files, faceLimit, idempotencyKey: keyFor(pictures, faceLimit) };
    const answer = await sendUpload(upload, showSent, controller.signal);
    remember(answer, pictures);
    // The same pictures sent once more from here on are meant as a new job.
    idempotency = { of: '', key: '' };
    location.assign(pages.processing(answer.job_id));
  } catch (cause) {
    setUnderWay(null);
    explain(cause);
  }
}

function showSent(fraction: number): void {
  bar.value = fraction * 100;
  const words = fraction < 1 ? `Sending, ${Math.round(fraction * 100)} %` : 'Sent. The pictures are being checked…';
  setText(sending.firstElementChild ?? sending, words);
}

function setUnderWay(controller: AbortController | null): void {
  underWay = controller;
  const busy = controller !== null;
  sending.hidden = !busy;
  submit.hidden = busy;
  if (busy) showSent(0);
  zone.setDisabled(busy);
  grid.setDisabled(busy);
  detail.element.disabled = busy;
  render();
  if (busy) cancel.focus();
}

/** The same pictures and options keep their key, so that trying again after a lost answer makes no second job. */
function keyFor(pictures: readonly Picture[], faceLimit: number | null): string {
  const of = `${faceLimit} ${pictures.map((picture) => picture.key).join(' ')}`;
  if (idempotency.of !== of) idempotency = { of, key: newIdempotencyKey() };
  return idempotency.key;
}

function remember(answer: UploadAnswer, pictures: readonly Picture[]): void {
  if (answer.access_token) rememberToken(answer.job_id, answer.access_token);
  if (answer.task_id) rememberTask(answer.task_id, answer.job_id);
  if (answer.files.length !== pictures.length) return;
  const entries = answer.files.map((file, index) => [file.file_id, pictures[index]?.thumbnail ?? ''] as const);
  rememberThumbnails(answer.job_id, Object.fromEntries(entries.filter(([, url]) => url !== '')));
}

function explain(cause: unknown): void {
  if (!(cause instanceof ServiceError)) {
    const cancelled = cause instanceof DOMException && cause.name === 'AbortError';
    showNotice(messages, notice(cancelled ? 'info' : 'error', cancelled ? 'The upload was cancelled. Nothing was kept.' : 'Something went wrong in this page. Reload it and try again.'));
    submit.focus();
    return;
  }
  if (cause.needsKey) {
    fill(messages, keyForm(cause.message, () => void send()));
    return;
  }
  const unplaced = list.blame(cause.refused);
  const wait = cause.retryAfter === null ? '' : ` Try again in ${count(cause.retryAfter, 'second')}.`;
  const action = cause.isPassing ? { action: { label: 'Try again', run: () => void send() } } : {};
  showNotice(messages, notice('error', cause.message + wait, { list: unplaced, ...action }));
}

function onSubmit(event: Event): void {
  event.preventDefault();
  void send();
}

cancel.addEventListener('click', () => underWay?.abort());
// Coming back to this page out of the browser's cache finds the upload over.
addEventListener('pageshow', (event) => event.persisted && setUnderWay(null));
zoneItem.append(zone.element);
grid.element.append(zoneItem);
// The key form may stand among the messages, and forms do not nest: the button names its form instead.
fill(
  byId('workbench'),
  h('div', { class: 'workbench-pictures' }, grid.element),
  h('div', { class: 'workbench-options panel' },
    h('form', { id: 'options', 'aria-label': 'Options', novalidate: true, onsubmit: onSubmit }, detail.element),
    messages,
    h('div', { class: 'submit-row' }, total, submit, sending)),
);
render();
void showSimulatorBanner();
