// The stage of one model: the viewer, fetched when the first model is there, and its tools.

import { ServiceError } from '../api/problem';
import { announce } from '../ui/announce';
import { fill, h, setText } from '../ui/dom';
import { icon } from '../ui/icon';
import { whenNear } from '../ui/near';
import { sceneOf, showWires, statisticsOf, statisticsWords } from './inspect';
import { fetchModel, untilAnswered } from './model-file';
import { roomButton } from './room';
import { loadViewer } from './viewer';

export interface StageOptions {
  /** Address of the GLB. */
  source: string;
  /** The same for another program on this device, which has no session of ours. */
  sourceForOthers: () => Promise<string>;
  poster: string;
  /** What the model is, for whoever cannot see it. */
  alt: string;
  name: string;
  /** What fills the screen when asked to. */
  frame: () => HTMLElement;
  /** Gets the model's statistics in words, once it is loaded. */
  onFacts: (facts: readonly string[]) => void;
}

const LOADING = 'Loading the model…';
const WAITING = 'Waiting for its turn…';

/** The model has come, and is none that the viewer reads. */
const UNREADABLE = new ServiceError('This model cannot be shown here. It can still be downloaded.', { status: 422, code: 'UNREADABLE_MODEL' });

/** The stage, which fetches what it shows once it is about to be seen. */
export function makeStage(options: StageOptions): HTMLElement {
  const words = h('p', { class: 'stage-words' }, LOADING);
  const stage = h('div', { class: 'stage' }, words);
  // The wheel turns the page, as everywhere else on it, unless the model fills the screen or Ctrl says that zooming is meant.
  stage.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && document.fullscreenElement === null) event.stopPropagation();
  }, { capture: true, passive: true });
  const begin = (): void => void fillStage(stage, words, options).catch((cause: unknown) => fail(stage, cause, () => {
    setText(words, LOADING);
    fill(stage, words);
    begin();
  }));
  whenNear(stage, begin);
  return stage;
}

async function fillStage(stage: HTMLElement, words: HTMLElement, options: StageOptions): Promise<void> {
  const wait = (): void => setText(words, WAITING);
  await untilAnswered(loadViewer, wait);
  const viewer = viewerOf(options);
  fill(stage, viewer, words);
  const model = await fetchModel(options.source, wait);
  setText(words, LOADING);
  await shown(viewer, model);
  words.remove();
  stage.classList.add('is-ready');
  const scene = sceneOf(viewer)?.model;
  if (scene) options.onFacts(statisticsWords(statisticsOf(scene), model.size));
  stage.append(tools(viewer, options));
}

function viewerOf(options: StageOptions): HTMLElement {
  const viewer: HTMLElement = h('model-viewer' as keyof HTMLElementTagNameMap, {
    alt: options.alt,
    poster: options.poster,
    loading: 'eager',
    ar: true,
    'ar-modes': 'webxr scene-viewer quick-look',
    'camera-controls': true,
    'touch-action': 'pan-y',
    'interaction-prompt': 'none',
    'shadow-intensity': '0.7',
    'shadow-softness': '0.9',
    'tone-mapping': 'neutral',
  }, roomButton(options, () => viewer));
  return viewer;
}

/** Resolves once the viewer shows the model; rejects when it cannot. */
function shown(viewer: HTMLElement, model: Blob): Promise<void> {
  return new Promise((resolve, reject) => {
    viewer.addEventListener('load', () => resolve(), { once: true });
    viewer.addEventListener('error', () => reject(UNREADABLE), { once: true });
    viewer.setAttribute('src', URL.createObjectURL(model));
  });
}

function wordsOf(cause: unknown): string {
  if (!(cause instanceof ServiceError)) return 'The 3D viewer could not be loaded. The model can still be downloaded.';
  return cause.needsKey ? 'Your session or your link has ended. Reload this page to go on.' : cause.message;
}

function tools(viewer: HTMLElement, { name, frame }: StageOptions): HTMLElement {
  const wires = h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', 'aria-label': `Wireframe of ${name}`, title: 'Wireframe', onclick: () => {
    const shown = wires.getAttribute('aria-pressed') !== 'true';
    wires.setAttribute('aria-pressed', String(shown));
    showWires(viewer, shown);
    announce(shown ? 'The mesh is shown as wires.' : 'The surface is shown.');
  } }, icon('wire'));
  // Phones that know full screen for videos only have no such button.
  const wide = document.fullscreenEnabled && h('button', { type: 'button', class: 'tool', 'aria-label': `Full screen of ${name}`, title: 'Full screen', onclick: () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame().requestFullscreen().catch(() => undefined);
  } }, icon('expand'));
  return h('div', { class: 'stage-tools' }, wires, wide);
}

/** What may be better in a while is offered again; the rest is the last word. */
function fail(stage: HTMLElement, cause: unknown, again: () => void): void {
  const passing = cause instanceof ServiceError && cause.isPassing;
  fill(stage, h('div', { class: 'stage-end' }, h('p', { class: 'stage-words' }, icon('warning'), wordsOf(cause)),
    passing && h('button', { type: 'button', class: 'button button-quiet', onclick: again }, icon('retry'), 'Try again')));
}
