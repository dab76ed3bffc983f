//! What a browser sees where the pages were not built: the service works, and how to get the pages.

/// A page without style or script, so that the pages' policy lets it be.
pub(crate) const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Image2Model</title>
<h1>Image2Model is running</h1>
<p>Its pages were not built on this machine, because Node.js was not found. Everything else works.</p>
<p>To have the pages: install Node.js 20 or newer, run <code>npm ci &amp;&amp; npm run build</code> in the folder <code>web</code>,
and start the service again.</p>
<p>The API is described in <a href=\"/openapi.json\">/openapi.json</a>.</p>
<p>From a terminal: <code>image2model submit chair.jpg --out .</code></p>
</html>
";
