// What the service says, as far as the pages read it. The contract's home is the service's OpenAPI document.

export type FileStatus =
  | 'pending'
  | 'uploading'
  | 'queued_at_provider'
  | 'processing'
  | 'completed'
  | 'failed'
  | 'cancelled';

export type JobStatus = 'pending' | 'processing' | 'completed' | 'partially_completed' | 'failed' | 'cancelled';

/** Why a file failed; `message` is written for the person reading it. */
export interface FileFailure {
  code: string;
  message: string;
  retryable?: boolean;
}

export interface StatusFile {
  file_id: string;
  filename: string;
  status: FileStatus;
  /** 0..100 */
  progress: number;
  file_size?: number;
  /** Files ahead of it. */
  queue_position?: number | null;
  /** Attempts that failed. */
  attempts?: number;
  /** How often it was retried on demand; its progress begins anew with each. */
  restarts?: number;
  message?: string | null;
  model_url?: string | null;
  rendered_image?: unknown;
  error?: FileFailure | null;
}

/** Answer of `GET /api/v1/status/{job}`. */
export interface StatusAnswer {
  job_id: string;
  status: JobStatus;
  /** 0..100 */
  overall_progress: number;
  total_files: number;
  created_at?: string | null;
  completed_at?: string | null;
  /** When its files are removed; null while it is at work. */
  expires_at?: string | null;
  eta_seconds?: number | null;
  queue_position?: number | null;
  files: StatusFile[];
}

/** Answer of `POST /api/v1/upload`. */
export interface UploadAnswer {
  job_id: string;
  task_id: string;
  access_token?: string | null;
  total_files: number;
  files: { file_id: string; filename: string }[];
}

/** One event of `GET /api/v1/status/stream/{job}`; every field beyond `type` may be missing. */
export interface StreamEvent {
  type: 'progress' | 'log' | 'completed' | 'error' | 'job';
  file_id?: string | null;
  filename?: string | null;
  status?: string | null;
  progress?: number | null;
  overall_progress?: number | null;
  message?: string | null;
  queue_position?: number | null;
  attempts?: number | null;
  restarts?: number | null;
  /** When the service told it. */
  timestamp?: string | null;
  /** How much a log line matters, in the provider's word. */
  level?: string | null;
  provider_timestamp?: string | null;
  model_url?: string | null;
  rendered_image?: unknown;
  /** Why a file failed: a sentence, with a stable code beside it. */
  error?: string | null;
  error_code?: string | null;
  retryable?: boolean | null;
}

/** Answer of `POST /api/v1/jobs/{job}/share`. */
export interface SharedLink {
  /** Null where nobody needs a key. */
  access_token: string | null;
  expires_at: string | null;
  /** The job's address opens it for whoever has no key, token or not. */
  opens_without_token: boolean;
  page: string;
}

/** One of the caller's jobs, as `GET /api/v1/jobs` lists them. */
export interface JobSummary {
  job_id: string;
  status: JobStatus;
  first_filename: string;
  /** Its first files whose photographs are kept. */
  pictured_file_ids: readonly string[];
  total_files: number;
  completed_files: number;
  failed_files: number;
  cancelled_files: number;
  created_at: string;
}

/** Answer of `GET /api/v1/jobs`. */
export interface JobList {
  jobs: JobSummary[];
  next_cursor: string | null;
}
