// The models that this service can make, with their options, prices and usual durations, as the providers describe them.

/** One option of a model, as far as JSON Schema is read here. */
export interface OptionSchema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
}

export interface Price {
  label: string;
  /** US cents a model. */
  cents: number;
}

/** One installed model maker. */
export interface ModelMaker {
  id: string;
  name: string;
  formats?: readonly string[];
  options_schema?: { properties?: Readonly<Record<string, OptionSchema>> };
  prices?: readonly Price[];
  /** How long one model usually takes, without waiting. */
  typical_seconds?: number;
}

/** Answer of `GET /api/v1/models/available`. */
export interface ModelsAnswer {
  models: ModelMaker[];
  default_model: string;
  upload_limits?: { max_files: number; max_file_bytes: number };
}

/** What an upload asks of the model: form fields by name. Left out means the model's own choice. */
export type Wishes = Readonly<Record<string, string>>;

/** The options that an upload's form has fields of their own for, and that most people choose; all others go into one. */
export const USUAL_OPTIONS: readonly string[] = ['texture', 'pbr'];

/** Drawn apart: its presets and its slider are the heart of the page. */
export const DETAIL_OPTION = 'face_limit';

/** An option's schema, where the model has the option. */
export const optionOf = (maker: ModelMaker | null, name: string): OptionSchema | null =>
  maker?.options_schema?.properties?.[name] ?? null;
