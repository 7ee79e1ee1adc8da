package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// Bounds on what is waited for.
const (
	startTimeout = 30 * time.Second
	readTimeout  = 20 * time.Second
)

// names are what the browser's program is called.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"}

// ErrNone says that no browser is installed.
var ErrNone = errors.New("no Chromium or Chrome is installed: looked for chromium, chromium-browser, google-chrome and chrome in PATH")

// A Browser is a running Chromium with one page, which is served from an address of its own on
// this machine, so that it is of another origin than any API.
type Browser struct {
	ctx   context.Context
	stops []func()
	mu    sync.Mutex
}

// page is the document of the page. It calls nothing by itself.
const page = `<!doctype html><meta charset="utf-8"><title>permcheck</title>`

// Start starts the browser and opens the page. It returns [ErrNone] where there is none.
func Start(ctx context.Context) (*Browser, error) {
	program := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		return nil, ErrNone
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page)) // the browser went away
	})}
	go func() { _ = srv.Serve(l) }() // it ends with Close
	b := &Browser{stops: []func(){func() { srv.Close() }}}
	// No sandbox: it needs rights that containers lack, and the page runs no code but our own.
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", false))
	allocated, stopAllocator := chromedp.NewExecAllocator(ctx, opts...)
	b.stops = append(b.stops, stopAllocator)
	var stop context.CancelFunc
	b.ctx, stop = chromedp.NewContext(allocated)
	b.stops = append(b.stops, stop)
	started := make(chan error, 1)
	go func() {
		_, err := chromedp.Run(b.ctx, chromedp.Navigate("http://"+l.Addr().String()+"/"))
		started <- err
	}()
	select {
	case err = <-started:
	case <-time.After(startTimeout):
		err = fmt.Errorf("not ready after %s", startTimeout)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return b, nil
}

// Close ends the browser and the server of its page.
func (b *Browser) Close() {
	for i := len(b.stops) - 1; i >= 0; i-- {
		b.stops[i]()
	}
}

// script tries every way in which a page can ask for an address and returns those in which it
// could read the answer. What is read stays in the browser.
const script = `(async (address, header) => {
	const ways = [];
	const tryTo = async (name, ask) => {
		try { if (await ask()) ways.push(name); } catch (e) {}
	};
	const fetched = options => async () => {
		const answer = await fetch(address, {cache: "no-store", ...options});
		await answer.text();
		return answer.type !== "opaque" && answer.status !== 0;
	};
	const xhr = (credentials, header) => () => new Promise(done => {
		const r = new XMLHttpRequest();
		r.open("GET", address);
		r.withCredentials = credentials;
		r.timeout = 5000;
		for (const name in header) r.setRequestHeader(name, header[name]);
		r.onload = () => done(r.status !== 0);
		r.onerror = r.ontimeout = r.onabort = () => done(false);
		r.send();
	});
	await tryTo("fetch", fetched({}));
	await tryTo("fetch with credentials", fetched({credentials: "include"}));
	await tryTo("XMLHttpRequest", xhr(false, {}));
	await tryTo("XMLHttpRequest with credentials", xhr(true, {}));
	if (Object.keys(header).length > 0) {
		await tryTo("fetch with the key", fetched({headers: header}));
		await tryTo("XMLHttpRequest with the key", xhr(false, header));
	}
	return ways;
})(%s, %s)`

// Read lets the page ask for an address and returns in which ways it could read the answer.
func (b *Browser) Read(ctx context.Context, address string, header http.Header) ([]string, error) {
	flat := map[string]string{}
	for name := range header {
		flat[name] = header.Get(name)
	}
	where, err := json.Marshal(address)
	if err != nil {
		return nil, err
	}
	with, err := json.Marshal(flat)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	tab, cancel := context.WithTimeout(b.ctx, readTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	ways, err := chromedp.Run(tab, chromedp.Evaluate[[]string](fmt.Sprintf(script, where, with), chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, errors.New("the page's script did not end") // the error itself may quote the script, and so the key
	}
	return ways, nil
}
