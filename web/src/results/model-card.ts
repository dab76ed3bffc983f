// One finished model: turn it beside the photograph it was made of, see what it is made of, keep it.

import { addresses } from '../api/addresses';
import type { FileState } from '../progress/job-state';
import { fill, h } from '../ui/dom';
import { icon } from '../ui/icon';
import { picture } from '../ui/picture';
import { bareName } from '../ui/words';
import { makePatient } from './patient-link';
import { sourceForOthers } from './room';
import { makeStage } from './stage';

export interface CardOptions {
  /** Address of the photograph, small if there is a small one. */
  thumbnail: string;
  /** The tick box that selects the model, where there is a choice. */
  select: HTMLElement | null;
}

/** Makes the card of a finished file. */
export function modelCard(job: string, file: FileState, { thumbnail, select }: CardOptions): HTMLElement {
  const name = bareName(file.name) || 'Model';
  const source = addresses.model(job, file.id);
  const facts = h('ul', { class: 'model-facts hint', 'aria-label': `Facts of ${name}` });
  facts.hidden = true;
  const pair = h('div', { class: 'pair' });
  const stage = makeStage({
    source, name,
    sourceForOthers: () => sourceForOthers(job, file.id),
    poster: file.hasPreview ? addresses.preview(job, file.id) : thumbnail,
    alt: `3D model made from ${file.name}`,
    frame: () => pair,
    onFacts: (words) => {
      fill(facts, ...words.map((fact) => h('li', {}, fact)));
      facts.hidden = false;
    },
  });
  // A model alone stands beside its photograph at full size; among others a small one will do.
  const photograph = select === null ? addresses.original(job, file.id) : thumbnail;
  const photo = picture({ class: 'model-photo', src: photograph, alt: `The photograph ${file.name}`, width: 320, height: 240 });
  pair.append(stage, photo);
  const messages = h('div', { class: 'messages model-messages' });
  const download = h('a', { class: 'button button-quiet', href: source, download: `${name}.glb`, 'aria-label': `Download ${name} as GLB` }, icon('download'), 'GLB');
  makePatient(download, messages);
  return h('li', { class: 'model', 'data-file': file.id },
    pair,
    h('div', { class: 'model-foot' },
      select,
      h('h2', { class: 'model-name', title: file.name }, name),
      download,
    ),
    messages,
    facts,
  );
}
