// Package browser asks a real Chromium what pages of other origins can read of an API: what
// the headers of the answers say is confirmed by what a browser does with them.
package browser
