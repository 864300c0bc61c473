# SPDX-License-Identifier: BSD-3-Clause
"""Recurrent layers and cells by PyTorch, see layer_case.py."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from layer_case import Cases

cases = Cases(__file__, "recurrent")


def flat(result):
    output, states = result
    return (output, *states) if isinstance(states, tuple) else (output, states)


def packed(lengths):
    def call(m, x):
        p = pack_padded_sequence(x, torch.tensor(lengths), batch_first=m.batch_first, enforce_sorted=False)
        output, states = m(p)
        output, _ = pad_packed_sequence(output, batch_first=m.batch_first, total_length=x.shape[int(m.batch_first)])
        return flat((output, states))

    return call


def with_states(m, x, *states):
    return flat(m(x, states if len(states) > 1 else states[0]))


def plain(m, x):
    return flat(m(x))


def rand(*shape):
    return torch.randn(*shape, dtype=torch.float64)


for name, layer in dict(rnn=nn.RNN, lstm=nn.LSTM, gru=nn.GRU).items():
    states = 2 if name == "lstm" else 1
    cases.add(f"{name}/one", lambda: layer(2, 3), (3, 2, 2), call=plain)
    cases.add(f"{name}/states", lambda: layer(2, 3, bias=False), (2, 2, 2), *[(1, 2, 3)] * states, call=with_states)
    deep = lambda: layer(2, 2, num_layers=2, bidirectional=True, batch_first=True)
    cases.add(f"{name}/deep", deep, (2, 3, 2), *[(4, 2, 2)] * states, call=with_states)
    cases.add(f"{name}/lengths", deep, (3, 4, 2), call=packed([3, 4, 1]))
    dropping = lambda: layer(2, 3, num_layers=2, dropout=0.5).eval()
    cases.add(f"{name}/dropout/eval", dropping, (3, 2, 2), call=plain)
    cases.add(f"{name}/alone", lambda: layer(3, 2), (2, 3), *[(1, 2)] * states, call=with_states)
cases.add("rnn/relu", lambda: nn.RNN(2, 3, nonlinearity="relu"), (3, 2, 2), call=plain)
projected = lambda: nn.LSTM(2, 3, bidirectional=True, proj_size=2)
cases.add("lstm/projected", projected, (3, 2, 2), call=plain)
cases.add("lstm/projected_lengths", projected, (3, 2, 2), call=packed([2, 3]))

cases.add("rnn/cell", lambda: nn.RNNCell(2, 3), (2, 2), (2, 3))
cases.add("rnn/relu_cell", lambda: nn.RNNCell(2, 3, nonlinearity="relu"), lambda: -3 * rand(2), lambda: -3 * rand(3))
cases.add("gru/cell", lambda: nn.GRUCell(2, 3), (2, 2), (2, 3))
cases.add("gru/plain_cell", lambda: nn.GRUCell(2, 3, bias=False), (2,))
cases.add("lstm/cell", lambda: nn.LSTMCell(2, 3), (2, 2), (2, 3), (2, 3), call=lambda m, x, h, c: m(x, (h, c)))
cases.add("lstm/plain_cell", lambda: nn.LSTMCell(2, 3, bias=False), (2,))
cases.finish()
