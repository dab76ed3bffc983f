// Fetches the 3D viewer the first time a model is there to be shown; until then nobody pays for it.

import { unreachable } from '../api/problem';

let loading: Promise<void> | null = null;

/** Resolves once `<model-viewer>` is defined; rejects with a ServiceError, and may be asked again, when it could not be fetched. */
export function loadViewer(): Promise<void> {
  loading ??= import('@google/model-viewer').then(
    () => undefined,
    () => {
      loading = null;
      throw unreachable();
    },
  );
  return loading;
}
