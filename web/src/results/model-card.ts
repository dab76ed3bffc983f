// One finished model: turn it, look at the picture it was made of, keep it.

import { addresses } from '../api/addresses';
import type { FileState } from '../progress/job-state';
import { fill, h } from '../ui/dom';
import { icon } from '../ui/icon';
import { bareName } from '../ui/words';
import { loadViewer } from './viewer';

/** Makes the card of a finished file; `thumbnail` is the address of its picture. */
export function modelCard(job: string, file: FileState, thumbnail: string): HTMLElement {
  const name = bareName(file.name) || 'Model';
  const source = addresses.model(job, file.id);
  const stage = h('div', { class: 'stage is-loading' }, h('p', { class: 'stage-words' }, 'Loading the model…'));
  const poster = file.hasPreview ? addresses.preview(job, file.id) : thumbnail;
  void fillStage(stage, file, source, poster);
  return h('li', { class: 'model', 'data-file': file.id },
    stage,
    h('div', { class: 'model-foot' },
      h('img', { class: 'model-photo', src: thumbnail, alt: `The picture ${file.name}`, loading: 'lazy', width: 56, height: 56 }),
      h('h2', { class: 'model-name', title: file.name }, name),
      h('a', { class: 'button button-quiet', href: source, download: `${name}.glb`, 'aria-label': `Download ${name} as GLB` }, icon('download'), 'GLB'),
    ),
  );
}

async function fillStage(stage: HTMLElement, file: FileState, source: string, poster: string): Promise<void> {
  try {
    await loadViewer();
  } catch {
    return fail(stage, 'The 3D viewer could not be loaded. The model can still be downloaded.');
  }
  const viewer = h('model-viewer' as keyof HTMLElementTagNameMap, {
    src: source,
    alt: `3D model made from ${file.name}`,
    poster,
    loading: 'lazy',
    'camera-controls': true,
    'touch-action': 'pan-y',
    'interaction-prompt': 'none',
    'shadow-intensity': '0.7',
    'shadow-softness': '0.9',
    'tone-mapping': 'neutral',
  });
  viewer.addEventListener('load', () => stage.classList.replace('is-loading', 'is-ready'), { once: true });
  viewer.addEventListener('error', () => fail(stage, 'This model cannot be shown here. It can still be downloaded.'));
  fill(stage, viewer);
}

function fail(stage: HTMLElement, words: string): void {
  stage.classList.remove('is-loading');
  fill(stage, h('p', { class: 'stage-words' }, icon('warning'), words));
}
