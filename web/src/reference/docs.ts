// Swagger UI over this service's own document. A key that is entered stays in the page; nothing is sent anywhere else.

import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './frame.css';
import './docs.css';
import { keepMended } from './mend';

SwaggerUI({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
  syntaxHighlight: { activated: true, theme: 'obsidian' },
});
const place = document.getElementById('reference');
if (place !== null) keepMended(place);
