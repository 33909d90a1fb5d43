module.exports = { mode: "production", entry: "./src/main.js", output: { path: `${__dirname}/webpack` }, performance: { hints: false } };
