// Redoc over this service's own document.

import Redoc from 'redoc/bundles/redoc.standalone.js';
import './frame.css';
import './redoc.css';

const place = document.getElementById('reference');
if (place === null) throw new Error('the page has no place for the reference');

Redoc.init(
  '/openapi.json',
  {
    hideHostname: true,
    hideDownloadButtons: false,
    expandResponses: '200,202',
    jsonSamplesExpandLevel: 3,
    requiredPropsFirst: true,
    scrollYOffset: 'header.site-header',
    theme: {
      colors: { primary: { main: '#17594a' }, text: { primary: '#1f1e1a', secondary: '#5c584e' } },
      typography: { fontFamily: 'var(--font)', headings: { fontFamily: 'var(--font)', fontWeight: '600' }, optimizeSpeed: true },
      sidebar: { backgroundColor: '#f6f4ef', textColor: '#1f1e1a' },
      rightPanel: { backgroundColor: '#22302b' },
    },
  },
  place,
);
