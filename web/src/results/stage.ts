// The stage of one model: the viewer, fetched when the first model is there, and its tools.

import { announce } from '../ui/announce';
import { fill, h } from '../ui/dom';
import { icon } from '../ui/icon';
import { fetchedSize, sceneOf, showWires, statisticsOf, statisticsWords } from './inspect';
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

export function makeStage(options: StageOptions): HTMLElement {
  const stage = h('div', { class: 'stage is-loading' }, h('p', { class: 'stage-words' }, 'Loading the model…'));
  void fillStage(stage, options);
  return stage;
}

async function fillStage(stage: HTMLElement, options: StageOptions): Promise<void> {
  const { source, poster, alt } = options;
  try {
    await loadViewer();
  } catch {
    return fail(stage, 'The 3D viewer could not be loaded. The model can still be downloaded.');
  }
  const viewer: HTMLElement = h('model-viewer' as keyof HTMLElementTagNameMap, {
    src: source,
    alt,
    poster,
    loading: 'lazy',
    ar: true,
    'ar-modes': 'webxr scene-viewer quick-look',
    'camera-controls': true,
    'touch-action': 'pan-y',
    'interaction-prompt': 'none',
    'shadow-intensity': '0.7',
    'shadow-softness': '0.9',
    'tone-mapping': 'neutral',
  }, roomButton(options, () => viewer));
  viewer.addEventListener('load', () => {
    stage.classList.replace('is-loading', 'is-ready');
    const model = sceneOf(viewer)?.model;
    if (model) options.onFacts(statisticsWords(statisticsOf(model), fetchedSize(source)));
    if (stage.querySelector('.stage-tools') === null) stage.append(tools(viewer, options));
  });
  viewer.addEventListener('error', () => fail(stage, 'This model cannot be shown here. It can still be downloaded.'));
  fill(stage, viewer);
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

function fail(stage: HTMLElement, words: string): void {
  stage.classList.remove('is-loading');
  fill(stage, h('p', { class: 'stage-words' }, icon('warning'), words));
}
