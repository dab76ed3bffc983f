// Deletes a job after a question. It cannot be taken back, and the words say what goes.

import { eraseJob } from '../api/client';
import { confirmed } from '../ui/confirm';
import { signedIn } from '../ui/signed-in';
import { count } from '../ui/words';

/** The service's words, or null when the person thought better of it. */
export async function deleteJob(job: string, models: number, underWay = false): Promise<string | null> {
  const goes = models === 0 ? 'Its photographs' : `Its photographs and ${count(models, 'model')}`;
  const yes = await confirmed({
    title: 'Delete this job?',
    words: `${goes} are removed from the service for everybody, at once and for good.${underWay ? ' What is still being made is cancelled.' : ''}`,
    yes: 'Delete it', no: 'Keep it',
  });
  return yes ? signedIn(() => eraseJob(job)) : null;
}
