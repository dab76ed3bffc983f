// The two bundles come without types.

declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  const SwaggerUI: (options: Record<string, unknown>) => unknown;
  export default SwaggerUI;
}

declare module 'redoc/bundles/redoc.standalone.js' {
  const Redoc: { init(url: string, options: Record<string, unknown>, place: HTMLElement, done?: (error?: Error) => void): void };
  export default Redoc;
}
