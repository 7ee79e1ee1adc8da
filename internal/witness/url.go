package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// Bounds on reading a URL besides [openapi.MaxSize].
const (
	fetchTimeout = 60 * time.Second // for everything
	headTimeout  = 15 * time.Second // until the answer begins
	maxRedirects = 5
)

// readAddress reads a document or a catalog from the web. What the address holds besides
// scheme, host and path is never repeated: user, password and query may be secrets.
func readAddress(r *Reader, ctx context.Context, ref, _ string) (*Reading, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Host == "" {
		return nil, errors.New("this is not the address of a document: expected something like https://api.example.com/openapi.json")
	}
	name := plainURL(u)
	data, err := r.fetch(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r.parse(name, data, r.Documents, func() (*catalogs.Catalog, error) { return catalogs.Parse(name, data) })
}

// Shown is the reference of a source as it may be printed.
func Shown(ref string) string {
	if u, err := url.Parse(ref); err == nil && u.Host != "" {
		return plainURL(u)
	}
	return ref
}

// plainURL is an address without what may be secret in it.
func plainURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// secure refuses an address that is not read as it is.
func (r *Reader) secure(u *url.URL) error {
	switch {
	case u.Scheme == "https", u.Scheme == "http" && r.AllowHTTP:
		return nil
	case u.Scheme == "http":
		return errors.New("an address without encryption is not read: use https, or --allow-http where nobody can be between")
	}
	return fmt.Errorf("a %q address is not read: expected https", u.Scheme)
}

func (r *Reader) fetch(ctx context.Context, u *url.URL) ([]byte, error) {
	if err := r.secure(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("this address cannot be asked for")
	}
	req.Header.Set("User-Agent", "permcheck")
	req.Header.Set("Accept", "application/yaml, application/json, */*;q=0.1")
	secret := u.User != nil || u.RawQuery != ""
	var refused error
	client := &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headTimeout, TLSHandshakeTimeout: headTimeout, ForceAttemptHTTP2: true},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			to := next.URL
			next.Header.Del("Referer")
			switch {
			case len(via) > maxRedirects:
				refused = fmt.Errorf("redirected more than %d times", maxRedirects)
			case secret && (to.Host != u.Host || to.Scheme != u.Scheme):
				refused = fmt.Errorf("it redirects to %s, which is not given the credentials of this address: name that address itself", plainURL(to))
			default:
				if err := r.secure(to); err != nil {
					refused = fmt.Errorf("it redirects to %s: %w", plainURL(to), err)
				}
			}
			return refused
		},
	}
	resp, err := client.Do(req)
	switch {
	case refused != nil:
		if resp != nil {
			resp.Body.Close()
		}
		return nil, refused
	case err != nil:
		return nil, fetchError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %d %s: expected the document", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	data, err := openapi.ReadAll(resp.Body)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fetchError(err)
	}
	return data, err
}

// fetchError says what went wrong without the address, which net/http repeats whole.
func fetchError(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no whole answer within %s", fetchTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the answer was cut off")
	}
	return fmt.Errorf("could not be read: %w", err)
}

// isAddress reports whether a reference is an address on the web.
func isAddress(ref string) bool {
	_, rest, ok := strings.Cut(ref, ":")
	return ok && strings.HasPrefix(rest, "//")
}
