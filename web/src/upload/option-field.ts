// One option of a model, drawn from its own schema: a list of values becomes radio buttons with their price, yes or no
// a tick box, a number a field. What is left as the schema has it is not sent, so that the model's own choice stays its own.

import type { ModelMaker, OptionSchema } from '../api/models';
import { h, setText } from '../ui/dom';
import { dollars, priceWith } from './estimate';

/** What is sent of an option. */
export type OptionValue = string | number | boolean;

export interface OptionField {
  name: string;
  element: HTMLElement;
  /** The chosen value; null when it is the model's own choice. */
  read: () => OptionValue | null;
  /** Whether it can be sent; if not, a message stands beside it and it has the keyboard. */
  check: () => boolean;
  /** Brings a kept value back; another model's, which this one does not have, changes nothing. */
  set: (value: unknown) => void;
}

/** The field of an option, or null when it is of a kind that is not drawn here. */
export function optionField(maker: ModelMaker, name: string, schema: OptionSchema): OptionField | null {
  if (schema.enum?.every((value) => typeof value === 'string')) return choiceField(maker, name, schema, schema.enum as readonly string[]);
  if (schema.type === 'boolean') return tickField(name, schema);
  return schema.type === 'integer' || schema.type === 'number' ? numberField(name, schema) : null;
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
    check: () => true,
    set(value) {
      const meant = radios.find((radio) => radio.value === value);
      if (meant) meant.checked = true;
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
    read: () => (box.checked === usual ? null : box.checked),
    check: () => true,
    set(value) {
      if (typeof value === 'boolean') box.checked = value;
    },
  };
}

function numberField(name: string, schema: OptionSchema): OptionField {
  const { minimum, maximum } = schema;
  const whole = schema.type === 'integer';
  const ids = { field: `option-${name}`, hint: `option-${name}-hint`, error: `option-${name}-error` };
  const field = h('input', {
    id: ids.field, class: 'field', type: 'number', inputmode: whole ? 'numeric' : 'decimal', min: minimum, max: maximum, step: whole ? 1 : 'any',
    placeholder: typeof schema.default === 'number' ? String(schema.default) : 'Any', 'aria-describedby': `${ids.hint} ${ids.error}`,
  });
  const error = h('p', { id: ids.error, class: 'field-error', role: 'alert' });
  const judge = (): boolean => {
    const refusal = numberRefusal(field.validity.badInput ? '?' : field.value, schema);
    setText(error, refusal ?? '');
    field.setAttribute('aria-invalid', String(refusal !== null));
    return refusal === null;
  };
  field.addEventListener('change', judge);
  return {
    name,
    element: h('div', { class: 'option-number' }, h('label', { for: ids.field }, schema.title ?? valueWords(name)), field,
      h('p', { id: ids.hint, class: 'hint' }, schema.description ?? ''), error),
    read: () => (field.value === '' || Number(field.value) === schema.default ? null : Number(field.value)),
    check() {
      const fits = judge();
      if (!fits) field.focus();
      return fits;
    },
    set(value) {
      if (typeof value === 'number' && numberRefusal(String(value), schema) === null) field.value = String(value);
    },
  };
}

/** Why a number cannot be used, or null. An empty one leaves the choice to the model. */
export function numberRefusal(text: string, { type, minimum, maximum }: OptionSchema): string | null {
  if (text.trim() === '') return null;
  const value = Number(text);
  const fits = Number.isFinite(value) && (type !== 'integer' || Number.isInteger(value)) && value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity);
  if (fits) return null;
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  if (minimum !== undefined && maximum !== undefined) return `Give ${kind} from ${minimum} to ${maximum}.`;
  return minimum !== undefined ? `Give ${kind} from ${minimum}.` : maximum !== undefined ? `Give ${kind} up to ${maximum}.` : `Give ${kind}.`;
}
