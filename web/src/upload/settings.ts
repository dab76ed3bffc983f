// The choices beside the pictures: which model, how fine, which options of it; kept in this tab over a reload.
// Until the service has said what it can make, the detail alone is offered; nothing waits for that answer.

import { UPLOAD_OPTIONS, type ModelMaker, type ModelsAnswer, type Wishes } from '../api/models';
import { readJson, writeJson } from '../api/session';
import { fill, h } from '../ui/dom';
import { detailField } from './detail-field';
import { optionField, type OptionField } from './option-field';

const KEPT = 'image2model.settings';

export class Settings {
  readonly #detail = detailField();
  readonly #options = h('div', { class: 'options-list' });
  readonly #choice = h('div', { class: 'model-choice', hidden: true });
  readonly element = h('fieldset', { class: 'settings' }, h('legend', { class: 'visually-hidden' }, 'Options'), this.#choice, this.#detail.element, this.#options);
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
    return faces === undefined ? undefined : { ...this.wishes(), ...(faces === null ? {} : { face_limit: String(faces) }) };
  }

  /** The same without the number of faces, and without checking. */
  wishes(): Wishes {
    const chosen = this.#fields.flatMap(({ name, read }) => {
      const value = read();
      return value === null ? [] : [[name, value] as const];
    });
    const model = this.#chosen && this.#chosen.id !== this.#usual ? { model: this.#chosen.id } : {};
    return { ...model, ...Object.fromEntries(chosen) };
  }

  #choose(maker: ModelMaker | null): void {
    const before = { ...readJson(KEPT), ...this.wishes() };
    this.#chosen = maker;
    this.#fields = maker === null ? [] : UPLOAD_OPTIONS.flatMap((name) => optionField(maker, name) ?? []);
    for (const field of this.#fields) {
      const kept = before[field.name];
      if (typeof kept === 'string') field.set(kept);
    }
    fill(this.#options, ...this.#fields.map(({ element }) => element));
    this.#changed();
  }

  #keep(): void {
    writeJson(KEPT, { ...this.wishes(), face_limit: this.#detail.text });
    this.#changed();
  }
}
