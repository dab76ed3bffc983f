// The quick start: the same few lines in three languages. Each is a file of its own, with this service's address put in, and
// a test runs what the page shows.

import curl from '../quickstart/samples/curl.sh?raw';
import javascript from '../quickstart/samples/javascript.mjs?raw';
import python from '../quickstart/samples/python.py?raw';
import { samples } from '../quickstart/samples-view';
import { showAccount } from '../ui/account';
import { byId, fill } from '../ui/dom';

fill(byId('samples'), samples([
  { id: 'curl', title: 'curl', file: 'start.sh', run: 'bash start.sh', text: curl },
  { id: 'python', title: 'Python', file: 'start.py', run: 'pip install requests && python3 start.py', text: python },
  { id: 'javascript', title: 'JavaScript', file: 'start.mjs', run: 'node start.mjs', text: javascript },
], location.origin));
showAccount();
