// Fetches the 3D viewer the first time a model is there to be shown; until then nobody pays for it.

let loading: Promise<void> | null = null;

/** Resolves once `<model-viewer>` is defined; rejects, and may be asked again, when it could not be fetched. */
export function loadViewer(): Promise<void> {
  loading ??= import('@google/model-viewer').then(
    () => undefined,
    (cause: unknown) => {
      loading = null;
      throw cause;
    },
  );
  return loading;
}
