// How fine the models shall be: a few presets for most, a number for those who know.

import { h, setText } from '../ui/dom';
import { faceLimitRefusal, MAX_FACES, MIN_FACES } from './rules';

interface Preset {
  value: string;
  label: string;
  hint: string;
}

const PRESETS: readonly Preset[] = [
  { value: '', label: 'Automatic', hint: 'The model maker decides' },
  { value: '10000', label: 'Light', hint: '10 000 faces, for web and games' },
  { value: '50000', label: 'Balanced', hint: '50 000 faces' },
  { value: '200000', label: 'Fine', hint: '200 000 faces, for close looks' },
  { value: 'custom', label: 'Own limit', hint: 'Any number of faces' },
];

export interface DetailField {
  element: HTMLFieldSetElement;
  /** The chosen limit, null for automatic, or undefined (and a message beside the field) when it is not valid. */
  read: () => number | null | undefined;
}

export function detailField(): DetailField {
  const number = h('input', {
    id: 'face-limit', class: 'field', type: 'number', inputmode: 'numeric', min: MIN_FACES, max: MAX_FACES, step: 1,
    placeholder: '20000', 'aria-describedby': 'face-limit-error',
  });
  const error = h('p', { id: 'face-limit-error', class: 'field-error', role: 'alert' });
  const own = h('div', { class: 'own-limit', hidden: true },
    h('label', { for: 'face-limit' }, `Faces, ${MIN_FACES} to ${MAX_FACES}`), number, error);
  const element = h('fieldset', { class: 'detail' }, h('legend', {}, 'Detail'), ...PRESETS.map(presetRow), own);
  const chosen = (): string => element.querySelector<HTMLInputElement>('input[name=detail]:checked')?.value ?? '';
  const check = (): boolean => {
    const refusal = chosen() !== 'custom' ? null
      : number.value === '' ? `Give a whole number from ${MIN_FACES} to ${MAX_FACES}.` : faceLimitRefusal(number.value);
    setText(error, refusal ?? '');
    number.setAttribute('aria-invalid', String(refusal !== null));
    return refusal === null;
  };
  element.addEventListener('change', (event) => {
    own.hidden = chosen() !== 'custom';
    if (!own.hidden && event.target !== number) number.focus();
    else check();
  });
  return {
    element,
    read() {
      if (!check()) {
        number.focus();
        return undefined;
      }
      const value = chosen() === 'custom' ? number.value : chosen();
      return value === '' ? null : Number(value);
    },
  };
}

function presetRow({ value, label, hint }: Preset): HTMLElement {
  return h('label', { class: 'choice' },
    h('input', { type: 'radio', name: 'detail', value, checked: value === '' }),
    h('span', { class: 'choice-words' }, h('span', {}, label), h('span', { class: 'hint' }, hint)),
  );
}
