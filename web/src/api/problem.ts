// Errors of the service (`application/problem+json`) and of the way to it, in words a person can act on.
// What the server says is shown as it is said; our own words are used only where it said nothing.

/** What is wrong with one refused file of an upload, or with one field of an order. */
export interface RefusedFile {
  filename: string;
  field?: string;
  code: string;
  message: string;
  index?: number;
}

/** An answer that is not the wanted one, or no answer (`status` 0). */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  readonly code: string;
  /** Seconds to wait before asking again, when the server named them. */
  readonly retryAfter: number | null;
  readonly refused: readonly RefusedFile[];

  constructor(message: string, parts: Partial<Pick<ServiceError, 'status' | 'code' | 'retryAfter' | 'refused'>> = {}) {
    super(message);
    this.status = parts.status ?? 0;
    this.code = parts.code ?? `HTTP_${this.status}`;
    this.retryAfter = parts.retryAfter ?? null;
    this.refused = parts.refused ?? [];
  }

  /** The caller has to give an API key, or a better one. */
  get needsKey(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** The same request may do better in a while. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** The service did not answer at all. */
export function unreachable(): ServiceError {
  return new ServiceError('The service cannot be reached. Check the connection and try again.', { code: 'UNREACHABLE' });
}

/** Reads an error answer; `body` may be anything, also no JSON. */
export function problemFrom(status: number, retryAfter: string | null, body: string): ServiceError {
  const problem = parseObject(body);
  const details = asObject(problem['details']);
  const words = [problem['detail'], problem['message'], problem['title']].find(isWords);
  return new ServiceError(words ?? fallbackWords(status), {
    status,
    code: isWords(problem['error_code']) ? problem['error_code'] : `HTTP_${status}`,
    retryAfter: seconds(retryAfter),
    refused: Array.isArray(details['errors']) ? details['errors'].flatMap(refusedFile) : [],
  });
}

function fallbackWords(status: number): string {
  if (status === 404) return 'This job does not exist, or its files have been removed.';
  if (status === 413) return 'The upload is larger than the service accepts.';
  if (status === 429) return 'Too many requests. Wait a moment and try again.';
  if (status >= 500) return 'The service has a problem of its own. Try again in a moment.';
  return `The service refused the request (${status}).`;
}

function refusedFile(entry: unknown): RefusedFile[] {
  const { filename, field, code, message, index } = asObject(entry);
  if (!isWords(message)) return [];
  const refused: RefusedFile = {
    filename: isWords(filename) ? filename : '',
    code: isWords(code) ? code : 'FILE_VALIDATION_ERROR',
    message,
    ...(isWords(field) ? { field } : {}),
  };
  return [typeof index === 'number' ? { ...refused, index } : refused];
}

function seconds(header: string | null): number | null {
  const value = header === null ? Number.NaN : Number(header);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isWords(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
