# SPDX-License-Identifier: BSD-3-Clause
"""Recurrent layers and cells in PyTorch: recurrent.txt."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torch_case import Cases

cases = Cases(__file__, "recurrent.txt", seed=4)


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
    cases.add(f"{name}/one", layer(2, 3), rand(3, 2, 2), call=plain)
    cases.add(f"{name}/states", layer(2, 3, bias=False), rand(2, 2, 2), *[rand(1, 2, 3) for _ in range(states)],
              call=with_states)
    deep = layer(2, 2, num_layers=2, bidirectional=True, batch_first=True)
    cases.add(f"{name}/deep", deep, rand(2, 3, 2), *[rand(4, 2, 2) for _ in range(states)], call=with_states)
    cases.add(f"{name}/lengths", deep, rand(3, 4, 2), call=packed([3, 4, 1]))
    cases.add(f"{name}/alone", layer(3, 2), rand(2, 3), *[rand(1, 2) for _ in range(states)], call=with_states)
cases.add("rnn/relu", nn.RNN(2, 3, nonlinearity="relu"), rand(3, 2, 2), call=plain)
projected = nn.LSTM(2, 3, bidirectional=True, proj_size=2)
cases.add("lstm/projected", projected, rand(3, 2, 2), call=plain)
cases.add("lstm/projected_lengths", projected, rand(3, 2, 2), call=packed([2, 3]))

cases.add("rnn/cell", nn.RNNCell(2, 3), rand(2, 2), rand(2, 3))
cases.add("rnn/relu_cell", nn.RNNCell(2, 3, nonlinearity="relu"), -3 * rand(2), -3 * rand(3))
cases.add("gru/cell", nn.GRUCell(2, 3), rand(2, 2), rand(2, 3))
cases.add("gru/plain_cell", nn.GRUCell(2, 3, bias=False), rand(2))
cases.add("lstm/cell", nn.LSTMCell(2, 3), rand(2, 2), rand(2, 3), rand(2, 3), call=lambda m, x, h, c: m(x, (h, c)))
cases.add("lstm/plain_cell", nn.LSTMCell(2, 3, bias=False), rand(2), call=lambda m, x: m(x))
cases.write()
