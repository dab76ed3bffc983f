// One multi-page build: five small pages, the API reference in two, hashed assets under /assets/, and the 3D viewer as a
// chunk of its own that is fetched only when the first model is there to be shown.

import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import { chunkAddress } from './build/chunk-address.ts';
import { pageFrame } from './build/page-frame.ts';
import { pageRoutes } from './build/page-routes.ts';
import { strictRedoc } from './build/strict-redoc.ts';
import { strictViewer } from './build/strict-viewer.ts';

const SERVICE = process.env['BASE_URL'] ?? 'http://127.0.0.1:3000';

const page = (name: string): string => resolve(import.meta.dirname, name);

export default defineConfig({
  appType: 'mpa',
  plugins: [chunkAddress(), pageFrame(), strictViewer(), strictRedoc(), pageRoutes()],
  server: { proxy: { '/api': SERVICE, '/openapi.json': SERVICE } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1600,
    rolldownOptions: {
      input: {
        index: page('index.html'),
        processing: page('processing.html'),
        console: page('console.html'),
        quickstart: page('quickstart.html'),
        '404': page('404.html'),
        'reference-docs': page('docs.html'),
        'reference-redoc': page('redoc.html'),
      },
    },
  },
});
