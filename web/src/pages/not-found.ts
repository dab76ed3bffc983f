// The not-found page names the address it was asked for.

import { byId, setText } from '../ui/dom';

setText(byId('address'), location.pathname);
