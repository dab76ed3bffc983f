// How fine the models shall be: presets for most, a slider for the eye, a number for those who know.
// The three show the same choice; no number at all leaves it to the model maker.

import { h, setText } from '../ui/dom';
import { thousands } from '../ui/words';
import { facesAt, positionOf, STEPS } from './detail-scale';
import { faceLimitRefusal, MAX_FACES, MIN_FACES } from './rules';

interface Preset {
  faces: string;
  label: string;
  hint: string;
}

const PRESETS: readonly Preset[] = [
  { faces: '', label: 'Automatic', hint: 'Fits the object' },
  { faces: '10000', label: 'Light', hint: 'Web and games' },
  { faces: '50000', label: 'Balanced', hint: 'Most uses' },
  { faces: '200000', label: 'Fine', hint: 'Close looks' },
];

/** Where the slider rests while nothing is chosen. */
const RESTING = positionOf(50_000);

export interface DetailField {
  element: HTMLFieldSetElement;
  /** The chosen limit, null for automatic, or undefined (and a message beside the field) when it is not valid. */
  read: () => number | null | undefined;
  /** What is written in the field now. */
  readonly text: string;
  set: (text: string) => void;
}

export function detailField(): DetailField {
  const radios = PRESETS.map(({ faces }) => h('input', { type: 'radio', name: 'detail', value: faces, checked: faces === '' }));
  const number = h('input', {
    id: 'face-limit', class: 'field', type: 'number', inputmode: 'numeric', min: MIN_FACES, max: MAX_FACES, step: 1,
    placeholder: 'Auto', 'aria-describedby': 'face-limit-error',
  });
  const slider = h('input', { type: 'range', class: 'slider', min: 0, max: STEPS, step: 1, value: RESTING, 'aria-label': 'Detail' });
  const error = h('p', { id: 'face-limit-error', class: 'field-error', role: 'alert' });
  const show = (): void => {
    const faces = number.value;
    for (const radio of radios) radio.checked = radio.value === faces;
    slider.value = String(faces === '' ? RESTING : positionOf(Number(faces)));
    slider.style.setProperty('--share', `${(Number(slider.value) / STEPS) * 100}%`);
    slider.classList.toggle('is-resting', faces === '');
    slider.setAttribute('aria-valuetext', faces === '' ? 'Automatic' : `${thousands(Number(faces))} faces`);
    check();
  };
  const check = (): boolean => {
    // A field with something else than a number reads as empty; the browser knows better.
    const refusal = number.validity.badInput ? faceLimitRefusal('?') : faceLimitRefusal(number.value);
    setText(error, refusal ?? '');
    number.setAttribute('aria-invalid', String(refusal !== null));
    return refusal === null;
  };
  const set = (faces: string): void => {
    number.value = faces;
    show();
  };
  radios.forEach((radio) => radio.addEventListener('change', () => set(radio.value)));
  slider.addEventListener('input', () => set(String(facesAt(Number(slider.value)))));
  number.addEventListener('change', show);
  const element = h('fieldset', { class: 'detail' }, h('legend', {}, 'Detail'),
    h('div', { class: 'presets' }, ...PRESETS.map((preset, index) => presetTile(preset, radios[index]))),
    h('div', { class: 'faces' }, h('label', { for: 'face-limit' }, 'Faces at most (triangles)'), slider, number, error),
  );
  show();
  return {
    element,
    set,
    get text() {
      return number.value;
    },
    read() {
      if (!check()) {
        number.focus();
        return undefined;
      }
      return number.value === '' ? null : Number(number.value);
    },
  };
}

function presetTile({ faces, label, hint }: Preset, radio: HTMLInputElement | undefined): HTMLElement {
  const words = faces === '' ? hint : `${thousands(Number(faces))} faces`;
  return h('label', { class: 'preset', title: hint }, radio, h('span', { class: 'choice-words' }, h('span', {}, label), h('span', { class: 'hint' }, words)));
}
