// The pages' addresses, as the `web` component serves them, for Vite's development server.

import type { Plugin } from 'vite';

/** Address → page file. What is not here and is no file is the not-found page. */
export const ROUTES: Readonly<Record<string, string>> = {
  '/': '/index.html',
  '/upload': '/index.html',
  '/processing': '/processing.html',
  '/results': '/processing.html',
  '/console': '/console.html',
  '/quickstart': '/quickstart.html',
  '/docs': '/docs.html',
  '/redoc': '/redoc.html',
};

/** Rewrites page addresses to their files while developing. */
export function pageRoutes(): Plugin {
  return {
    name: 'page-routes',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const [path = '/', query] = (request.url ?? '/').split('?');
        const file = ROUTES[path.length > 1 ? path.replace(/\/$/, '') : path];
        if (file !== undefined) request.url = query === undefined ? file : `${file}?${query}`;
        next();
      });
    },
  };
}
