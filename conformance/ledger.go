package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs"
)

// A Made is one thing that a run made at the target and has to take away again.
type Made struct {
	Kind string `json:"kind"` // "key", "object", or "marked key", which is to be enabled again
	ID   string `json:"id"`   // of a key: the provisioner's name for it
	// Path is the path of an object, below the target's address.
	Path string `json:"path,omitempty"`
	Name string `json:"name"` // carries the run's id
}

// A Ledger remembers what was made until it is gone, so that a run that ends before its time
// can be cleaned up after. It may be used concurrently.
type Ledger interface {
	// Made is called before the thing is made where its id is known, else right after.
	Made(Made) error
	Gone(Made) error
}

// A FileLedger is a file with a line for each thing that was made and for each that is gone
// again. It holds no secret; it is readable by its owner only.
type FileLedger struct {
	mu   sync.Mutex
	file *os.File
}

type ledgerLine struct {
	Made *Made `json:"made,omitempty"`
	Gone *Made `json:"gone,omitempty"`
}

// maxLedger bounds a ledger that is read, in bytes.
const maxLedger = 64 << 20

// OpenLedger opens the ledger at a path, which is made where it is missing, and returns the
// things that earlier runs have left.
func OpenLedger(path string) (*FileLedger, []Made, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	var open []Made
	lines := bufio.NewScanner(io.LimitReader(f, maxLedger))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var l ledgerLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			if !lines.Scan() {
				break // the run that wrote the last line was killed while it did
			}
			f.Close()
			return nil, nil, fmt.Errorf("%s:%d: this is no line of a ledger: %w", path, n, err)
		}
		switch {
		case l.Made != nil:
			open = append(open, *l.Made)
		case l.Gone != nil:
			open = slices.DeleteFunc(open, func(m Made) bool { return m == *l.Gone })
		}
	}
	if err := lines.Err(); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return &FileLedger{file: f}, open, nil
}

// Made writes that a thing was made; the line is on disk when it returns.
func (l *FileLedger) Made(m Made) error { return l.write(ledgerLine{Made: &m}) }

// Gone writes that a thing is gone.
func (l *FileLedger) Gone(m Made) error { return l.write(ledgerLine{Gone: &m}) }

func (l *FileLedger) write(line ledgerLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(data, '\n')); err != nil {
		return err
	}
	return nil
}

// Close closes the file. One in which nothing is left is emptied.
func (l *FileLedger) Close(left int) error {
	if left == 0 {
		if err := l.file.Truncate(0); err != nil {
			l.file.Close()
			return err
		}
	}
	return l.file.Close()
}

// Clean takes away what earlier runs have left, with the keys and the provisioner of the
// target, and returns what could not be taken away.
func Clean(ctx context.Context, p *Plan, t Target, left []Made) []string {
	r := newRunner(p, t, t.limits())
	defer r.client.close()
	lab, d := r.lab, r.lab.debts
	for _, m := range left {
		d.open = append(d.open, debt{m, func(ctx context.Context) error {
			switch m.Kind {
			case "key":
				return unmint(ctx, t.Provisioner, MintedKey{ID: m.ID})
			case markedKey:
				return lab.enable(ctx, MintedKey{ID: m.ID})
			}
			for i := range p.Rows {
				tmpl, err := catalogs.ParseTemplate(p.Rows[i].Path)
				if row := &p.Rows[i]; err == nil && row.Endpoint != nil && row.Method == http.MethodDelete && tmpl.Match(m.Path) && p.StrongestKey(row.Endpoint) >= 0 {
					return lab.remove(ctx, i, m.Path)
				}
			}
			return errors.New("the catalog has no DELETE of it that a key of the profile is admitted to")
		}})
	}
	d.settle(ctx)
	return d.failed
}

// unmint takes a key away that a provisioner made, or at least its power.
func unmint(ctx context.Context, prov Provisioner, key MintedKey) error {
	for _, a := range []Action{Delete, Revoke, Disable} {
		if prov != nil && prov.Can(a) {
			_, err := prov.Do(ctx, key, a, KeySpec{})
			return err
		}
	}
	return errors.New("nothing says how to delete a key (provision: in the profile)")
}

// forgetful is the ledger of a run whose target ends with it.
type forgetful struct{}

func (forgetful) Made(Made) error { return nil }
func (forgetful) Gone(Made) error { return nil }

// cleanupTimeout bounds the cleaning up after a run, which happens even when the run was
// interrupted.
const cleanupTimeout = 30 * time.Second

// A debt is what there is to take away, and how.
type debt struct {
	made   Made
	redeem func(context.Context) error
}

// debts are the things that one run has to take away.
type debts struct {
	mu     sync.Mutex
	ledger Ledger
	open   []debt
	failed []string // what could not be taken away
}

// owe notes a thing that was made.
func (d *debts) owe(m Made, redeem func(context.Context) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = append(d.open, debt{m, redeem})
	if err := d.ledger.Made(m); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	return nil
}

// paid notes that a thing is gone already.
func (d *debts) paid(m Made) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(o debt) bool { return o.made == m })
	return d.ledger.Gone(m)
}

// settle takes everything away, the last that was made first.
func (d *debts) settle(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for _, o := range slices.Backward(d.open) {
		err := o.redeem(ctx)
		if err == nil {
			err = d.ledger.Gone(o.made)
		}
		if err != nil {
			d.failed = append(d.failed, fmt.Sprintf("%s %s: %v", o.made.Kind, o.made.Name, err))
		}
	}
	d.open = nil
}
