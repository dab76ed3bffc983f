// A wire between the browser and the service that can be cut and mended: what a browser calls offline leaves open streams alone.

import { connect, createServer } from 'node:net';

/** Listens at `url`, and passes on to the service at that other URL while it is whole. */
export async function layWire(service) {
  const { hostname, port } = new URL(service);
  const ends = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect({ host: hostname, port: Number(port) });
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    mend: () => (whole = true),
    close: () => {
      cut();
      return new Promise((closed) => server.close(closed));
    },
  };
}
