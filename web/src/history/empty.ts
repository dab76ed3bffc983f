// The list of jobs when there is nothing to list: while it is asked for, before the first job, and when none is found.

import { pages } from '../api/addresses';
import { h } from '../ui/dom';

/** Bones of rows, for as long as the answer takes. */
export const loadingRows = (): HTMLElement[] =>
  Array.from({ length: 4 }, () => h('li', { class: 'row is-bone', 'aria-hidden': 'true' }));

export const noJobsYet = (): HTMLElement =>
  h('div', { class: 'empty-state' }, h('h2', {}, 'No models yet'),
    h('p', {}, 'Every upload stands here until its files are removed.'),
    h('p', {}, h('a', { class: 'button button-primary', href: pages.upload }, 'Make a model')));

export const foundNothing = (clear: () => void): HTMLElement =>
  h('div', { class: 'empty-state' }, h('h2', {}, 'Nothing found'),
    h('p', {}, 'None of your uploads fits what you are looking for.'),
    h('p', {}, h('button', { type: 'button', class: 'button button-quiet', onclick: clear }, 'Show all')));
