// Draws a small still life in the browser and returns it as a real JPEG file.

/** `hue` in degrees tells one picture from another. */
export async function makePicture(browser, width, height, hue) {
  const page = await browser.newPage();
  try {
    const base64 = await page.evaluate(draw, { width, height, hue });
    return Buffer.from(base64, 'base64');
  } finally {
    await page.close();
  }
}

/** Runs in the page. */
function draw({ width, height, hue }) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  const wall = context.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, `hsl(${hue + 20} 30% 88%)`);
  wall.addColorStop(1, `hsl(${hue} 18% 62%)`);
  context.fillStyle = wall;
  context.fillRect(0, 0, width, height);
  context.fillStyle = `hsl(${hue + 10} 22% 45%)`;
  context.fillRect(0, height * 0.64, width, height);
  const radius = Math.min(width, height) * 0.27;
  const [x, y] = [width * 0.5, height * 0.54];
  const ball = context.createRadialGradient(x - radius * 0.4, y - radius * 0.45, radius * 0.05, x, y, radius);
  ball.addColorStop(0, `hsl(${hue} 90% 88%)`);
  ball.addColorStop(0.35, `hsl(${hue} 70% 55%)`);
  ball.addColorStop(1, `hsl(${hue} 75% 18%)`);
  context.fillStyle = ball;
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.fill();
  return canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
}
