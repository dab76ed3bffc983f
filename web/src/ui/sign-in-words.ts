// Why a key is asked for, and what to do: said to a person who has done nothing wrong. What the service says of it is written
// for programs; only where we know no better it is shown.

import { ServiceError } from '../api/problem';

const ASK = 'ask whoever runs this service for one';

/** `before` is whether somebody had signed in with this browser. */
export function signInWords(cause: ServiceError, before: boolean): string {
  switch (cause.code) {
    case 'NOT_AUTHENTICATED':
      return before
        ? 'Your session has ended, as each does after some hours. Sign in again to go on where you were.'
        : `A key is needed here. Enter yours to go on; if you have none, ${ASK}.`;
    case 'INVALID_API_KEY':
      return `That key does not open this service. Please see whether all of it was copied, or ${ASK}.`;
    case 'INVALID_ADMIN_API_KEY':
      return `This part is for administrators. Enter an administrator’s key to go on, or ${ASK}.`;
    case 'ACCESS_DENIED':
      return 'This was made with another key. Sign in with that one, or ask its owner for a link.';
    default:
      return cause.message;
  }
}
