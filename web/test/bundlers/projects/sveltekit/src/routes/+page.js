export const prerender = true; // on the server, where dit8 is imported too
