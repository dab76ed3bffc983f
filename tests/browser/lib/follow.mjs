/**
 * Follows a job's stream as the documentation tells pages to, with whichever `EventSource` it is given, and reports every
 * event. It reconnects by itself; where it gave up before the job's last event was seen, it is opened anew from the last id.
 * Runs in Node and, sent there as text, in a page: it stands alone.
 */
export function follow(EventSource, url, report) {
  const CLOSED = 2;
  const ENDED = ['completed', 'partially_completed', 'failed', 'cancelled'];
  let last = '';
  let ended = false;
  const open = () => {
    const source = new EventSource(last ? `${url}?last_event_id=${encodeURIComponent(last)}` : url);
    source.onopen = () => report({ opened: true });
    source.onmessage = (event) => {
      last = event.lastEventId || last;
      const { type, status } = JSON.parse(event.data);
      if (type === 'reset') ended = false;
      if (type === 'job' && ENDED.includes(status)) ended = true;
      report({ id: event.lastEventId, data: event.data });
    };
    source.onerror = () => {
      if (source.readyState !== CLOSED) return;
      if (ended) report({ closed: true });
      else setTimeout(open, 300 + Math.random() * 700);
    };
  };
  open();
}
