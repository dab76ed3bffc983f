// Fetches the 3D viewer the first time a model is there to be shown; until then nobody pays for it.

import address from 'chunk-address:@google/model-viewer';
import { unreachable } from '../api/problem';

let loading: Promise<void> | null = null;
let losses = 0;

/** Resolves once `<model-viewer>` is defined; rejects with a ServiceError, and may be asked again, when it could not be fetched. */
export function loadViewer(): Promise<void> {
  loading ??= (import(/* @vite-ignore */ addressAfter(losses)) as Promise<unknown>).then(
    () => undefined,
    () => {
      loading = null;
      losses += 1;
      throw unreachable();
    },
  );
  return loading;
}

/** Where it is asked for after so many losses. A browser may remember for a page's life that nothing came from an address. */
function addressAfter(losses: number): string {
  return losses === 0 ? address : `${address}?again=${losses}`;
}
