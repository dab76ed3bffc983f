// The choices beside the pictures: which model, how fine, which options of it; kept in this tab over a reload.
// Until the service has said what it can make, the detail alone is offered; nothing waits for that answer.

import { DETAIL_OPTION, USUAL_OPTIONS, type ModelMaker, type ModelsAnswer, type Wishes } from '../api/models';
import { readJson, writeJson } from '../api/session';
import { fill, h } from '../ui/dom';
import { detailField } from './detail-field';
import { optionField, type OptionField, type OptionValue } from './option-field';

const KEPT = 'image2model.settings';

export class Settings {
  readonly #detail = detailField();
  readonly #options = h('div', { class: 'options-list' });
  readonly #further = h('div', { class: 'options-list' });
  readonly #more = h('details', { class: 'more-options', hidden: true }, h('summary', {}, 'More options'), this.#further);
  readonly #choice = h('div', { class: 'model-choice', hidden: true });
  readonly element = h('fieldset', { class: 'settings' }, h('legend', { class: 'visually-hidden' }, 'Options'), this.#choice, this.#detail.element, this.#options, this.#more);
  readonly #changed: () => void;
  #fields: OptionField[] = [];
  #makers: readonly ModelMaker[] = [];
  #usual = '';
  #chosen: ModelMaker | null = null;

  /** `changed` runs after every choice. */
  constructor(changed: () => void) {
    this.#changed = changed;
    const kept = readJson(KEPT)['face_limit'];
    if (typeof kept === 'string') this.#detail.set(kept);
    this.element.addEventListener('input', () => this.#keep());
    this.element.addEventListener('change', () => this.#keep());
  }

  /** The model that will be asked, once it is known. */
  get maker(): ModelMaker | null {
    return this.#chosen;
  }

  /** Offers what the service can make. */
  offer({ models, default_model }: ModelsAnswer): void {
    const kept = readJson(KEPT)['model'];
    this.#makers = models;
    this.#usual = default_model;
    this.#choose(models.find(({ id }) => id === kept) ?? models.find(({ id }) => id === default_model) ?? models[0] ?? null);
    if (models.length < 2) return;
    const select = h('select', { id: 'model', class: 'field', onchange: () => this.#choose(this.#makers.find(({ id }) => id === select.value) ?? null) },
      ...models.map(({ id, name }) => h('option', { value: id, selected: id === this.#chosen?.id }, name)));
    fill(this.#choice, h('label', { for: 'model' }, 'Model'), select);
    this.#choice.hidden = false;
  }

  /** The form fields that are not left to the model, or undefined (and a message beside the field) when one is not valid. */
  read(): Wishes | undefined {
    const faces = this.#detail.read();
    const wrong = this.#fields.find(({ check }) => !check());
    if (wrong !== undefined && this.#further.contains(wrong.element)) this.#more.open = true;
    wrong?.check();
    return faces === undefined || wrong !== undefined ? undefined : { ...this.wishes(), ...(faces === null ? {} : { face_limit: String(faces) }) };
  }

  /** The same without the number of faces, and without checking. */
  wishes(): Wishes {
    const chosen = Object.entries(this.#values());
    const usual = chosen.filter(([name]) => USUAL_OPTIONS.includes(name)).map(([name, value]) => [name, String(value)] as const);
    const further = chosen.filter(([name]) => !USUAL_OPTIONS.includes(name));
    const model = this.#chosen && this.#chosen.id !== this.#usual ? { model: this.#chosen.id } : {};
    const options = further.length > 0 ? { options: JSON.stringify(Object.fromEntries(further)) } : {};
    return { ...model, ...Object.fromEntries(usual), ...options };
  }

  /** What is chosen otherwise than the model would. */
  #values(): Record<string, OptionValue> {
    return Object.fromEntries(this.#fields.flatMap(({ name, read }) => {
      const value = read();
      return value === null ? [] : [[name, value] as const];
    }));
  }

  #choose(maker: ModelMaker | null): void {
    const before = { ...readJson(KEPT), ...this.#values() };
    this.#chosen = maker;
    const options = Object.entries(maker?.options_schema?.properties ?? {}).filter(([name]) => name !== DETAIL_OPTION);
    this.#fields = maker === null ? [] : options.flatMap(([name, schema]) => optionField(maker, name, schema) ?? []);
    for (const field of this.#fields) if (before[field.name] !== undefined) field.set(before[field.name]);
    const usual = USUAL_OPTIONS.flatMap((name) => this.#fields.find((field) => field.name === name) ?? []);
    const further = this.#fields.filter(({ name }) => !USUAL_OPTIONS.includes(name));
    fill(this.#options, ...usual.map(({ element }) => element));
    fill(this.#further, ...further.map(({ element }) => element));
    this.#more.hidden = further.length === 0;
    this.#more.open ||= further.some(({ read }) => read() !== null);
    this.#changed();
  }

  #keep(): void {
    writeJson(KEPT, { ...this.#values(), ...(this.#chosen && this.#chosen.id !== this.#usual ? { model: this.#chosen.id } : {}), face_limit: this.#detail.text });
    this.#changed();
  }
}
