// What runs, what waits and what is held back, what gets done and what it costs: queues, workers, hosts, FAL, Redis and disk.

import { h } from '../ui/dom';
import { bytes } from '../ui/words';
import { read, readText, send, type SystemInfo } from './admin';
import { actionButton, moment, seconds, table, tile } from './parts';
import { rateWords, sample, Throughput } from './throughput';
import { makeView, type View } from './view';

const gigabytes = (size: number): string => (size >= 1024 ** 3 ? `${(size / 1024 ** 3).toFixed(1)} GB` : bytes(size));

interface Seen {
  info: SystemInfo;
  /** What models have cost so far, in dollars. */
  cost: number;
}

/** As long as the console is open, whichever of its views is looked at. */
const throughput = new Throughput();

export function overview(): View {
  const view = makeView<Seen>({
    id: 'overview', title: 'Overview', hint: 'Read again every five seconds. Lines go back five minutes.', every: 5000,
    read: look,
    draw: ({ info, cost }) => [tiles(info, cost), queues(info, () => view.start()), workers(info), hosts(info)],
  });
  return view;
}

async function look(): Promise<Seen> {
  const [info, metrics] = await Promise.all([read<SystemInfo>('/admin/system-info'), readText('/metrics')]);
  const { waiting, running } = info.queues.totals;
  const requests = info.components.components.filter(({ kind }) => kind === 'endpoint').reduce((sum, one) => sum + one.requests, 0);
  throughput.add({ at: Date.now(), models: sample(metrics, 'image2model_files_ended_total{status="completed"}'), requests, waiting, running });
  return { info, cost: sample(metrics, 'image2model_cost_usd_total') };
}

function tiles({ ready, fal, queues: { totals }, disk, redis, jobs, application }: SystemInfo, cost: number): HTMLElement {
  const went = (of: 'waiting' | 'running'): number[] => throughput.looks.map((one) => one[of]);
  const open = fal.breaker !== 'closed';
  return h('dl', { class: 'tiles' },
    tile(ready ? 'Ready' : 'Not ready', `Version ${application.version}`, ready ? 'good' : 'bad'),
    tile(totals.waiting, 'Waiting', '', went('waiting')),
    tile(totals.running, 'Running', '', went('running')),
    tile(rateWords(throughput.perMinute('models')), 'Models a minute'),
    tile(rateWords(throughput.perMinute('requests')), 'Requests a minute'),
    tile(`$${cost.toFixed(2)}`, 'Spent so far'),
    tile(totals.delayed, 'Waiting to try again', totals.delayed > 0 ? 'warn' : ''),
    tile(totals.dead, 'Dead letters', totals.dead > 0 ? 'warn' : ''),
    tile(jobs.known, 'Jobs known'),
    tile(open ? fal.breaker.replace('_', ' ') : 'Closed', `FAL breaker, ${fal.mode}`, open ? 'bad' : fal.reachable ? 'good' : 'warn'),
    redis && tile(gigabytes(redis.used_memory_bytes), `Redis ${redis.version}${redis.safe_for_jobs ? '' : ', not safe for jobs'}`, redis.safe_for_jobs ? '' : 'bad'),
    disk && tile(gigabytes(disk.free_bytes), disk.takes_uploads ? 'Disk free' : 'Disk free, uploads refused', disk.takes_uploads ? '' : 'bad'));
}

function queues(info: SystemInfo, done: () => void): HTMLElement {
  return table('Queues', ['Queue', 'Waiting', 'Running', 'Delayed', 'Longest wait', 'State'], info.queues.queues.map((queue) => {
    const verb = queue.paused ? 'resume' : 'pause';
    const button = actionButton(queue.paused ? 'Resume' : 'Pause', `${queue.paused ? 'Resume' : 'Pause'} ${queue.name}`, () => send('POST', `/admin/queues/${encodeURIComponent(queue.name)}/${verb}`), done);
    return [queue.name, queue.waiting, queue.running, queue.delayed, seconds(queue.longest_wait_seconds), h('span', { class: 'with-button' }, queue.paused ? 'Paused' : 'Open', button)];
  }), [1, 2, 3, 4]);
}

function workers(info: SystemInfo): HTMLElement {
  return table('Workers', ['Worker', 'Running', 'FAL', 'Version', 'Since'], info.workers.map(({ id, running, fal, version, started_at }) =>
    [id, running, `${fal.breaker}, ${fal.reachable ? 'reachable' : 'not reachable'}`, version, moment(started_at)]), [1]);
}

function hosts(info: SystemInfo): HTMLElement {
  return table('Hosts', ['Host', 'Role', 'Up', 'Memory', 'Open streams'], info.hosts.map(({ id, role, uptime_seconds, process, streams }) =>
    [id, role, seconds(uptime_seconds), process ? bytes(process.memory_bytes) : null, streams?.open ?? null]), [2, 3, 4]);
}
