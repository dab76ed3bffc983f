// One option of a model, drawn from its own schema: a list of values becomes radio buttons with their price, yes or no
// a tick box. What is left as the schema has it is not sent, so that the model's own choice stays its own.

import { optionOf, type ModelMaker, type OptionSchema } from '../api/models';
import { h } from '../ui/dom';
import { dollars, priceWith } from './estimate';

export interface OptionField {
  name: string;
  element: HTMLElement;
  /** The form field's value; null when it is the model's own choice. */
  read: () => string | null;
  set: (value: string) => void;
}

/** The field of an option, or null when the model lacks it or it is of a kind that is not drawn here. */
export function optionField(maker: ModelMaker, name: string): OptionField | null {
  const schema = optionOf(maker, name);
  if (schema === null) return null;
  if (schema.enum?.every((value) => typeof value === 'string')) return choiceField(maker, name, schema, schema.enum as readonly string[]);
  return schema.type === 'boolean' ? tickField(name, schema) : null;
}

/** Names as makers write them, in words: `standard` → "Standard", `no` → "None". */
export function valueWords(value: string): string {
  if (value === 'no') return 'None';
  const words = value.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function choiceField(maker: ModelMaker, name: string, schema: OptionSchema, values: readonly string[]): OptionField {
  const usual = typeof schema.default === 'string' ? schema.default : '';
  const radios = values.map((value) => h('input', { type: 'radio', name, value, checked: value === usual }));
  const choice = (value: string, index: number): HTMLElement => {
    const cents = priceWith(maker, value);
    return h('label', { class: 'preset' }, radios[index], h('span', { class: 'choice-words' }, h('span', {}, valueWords(value)),
      cents !== null && h('span', { class: 'hint' }, dollars(cents))));
  };
  return {
    name,
    element: h('fieldset', { class: 'options-group' }, h('legend', { title: schema.description ?? '' }, schema.title ?? valueWords(name)),
      h('div', { class: 'presets presets-narrow' }, ...values.map(choice))),
    read() {
      const chosen = radios.find((radio) => radio.checked)?.value ?? '';
      return chosen === '' || chosen === usual ? null : chosen;
    },
    set(value) {
      for (const radio of radios) radio.checked = radio.value === value;
    },
  };
}

function tickField(name: string, schema: OptionSchema): OptionField {
  const usual = schema.default === true;
  const box = h('input', { type: 'checkbox', name, checked: usual });
  return {
    name,
    element: h('label', { class: 'choice choice-tick' }, box, h('span', { class: 'choice-words' },
      h('span', {}, schema.title ?? valueWords(name)), h('span', { class: 'hint' }, schema.description ?? ''))),
    read: () => (box.checked === usual ? null : String(box.checked)),
    set(value) {
      box.checked = value === 'true';
    },
  };
}
