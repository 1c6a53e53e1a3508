package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.Batch;
import io.vllmd.mlx.KvArena;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import io.vllmd.model.AttentionShape;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;

/**
 * What a request must yield, by the plainest loop there is: the prompt in one pass, then a token at a time through the
 * host, one slot of full length. Shares nothing with the engine but the model and the random numbers. MLX thread.
 */
final class Alone {

    private Alone() {}

    @SuppressWarnings("try") // the scope is there to be closed
    static List<Integer> tokens(LanguageModel model, GenerationRequest request) {
        LanguageModel.Description description = model.description();
        int[] prompt = request.prompt();
        int capacity = prompt.length + request.maxTokens();
        KvArena[] arenas = new KvArena[description.kvLayers().size()];
        List<Integer> answer = new ArrayList<>();
        try {
            int[] input = prompt;
            int position = 0;
            while (answer.size() < request.maxTokens()) {
                int token;
                try (Scope scope = Scope.open();
                        Batch batch = batch(position, input.length)) {
                    KvStep step = new OneSlot(arenas, batch, capacity);
                    Array ids = Mlx.stepTokens(null, minusOnes(input.length), input);
                    Array logits = model.forward(ids, step, new int[] {input.length - 1});
                    token = sample(logits, request, position + input.length);
                }
                if (request.stopTokens().contains(token)) {
                    break;
                }
                answer.add(token);
                position += input.length;
                input = new int[] {token};
            }
        } finally {
            for (KvArena arena : arenas) {
                if (arena != null) {
                    arena.close();
                }
            }
        }
        return answer;
    }

    private static int sample(Array logits, GenerationRequest request, int position) {
        Sampling sampling = request.sampling();
        return Mlx.sample(
                        logits,
                        new float[] {sampling.temperature()},
                        new int[] {sampling.topK()},
                        new float[] {sampling.topP()},
                        new float[] {sampling.minP()},
                        new float[] {SeededUniform.at(sampling.seed(), position)})
                .toInts()[0];
    }

    private static Batch batch(int start, int rows) {
        int[] positions = new int[rows];
        for (int i = 0; i < rows; i++) {
            positions[i] = start + i;
        }
        return Batch.of(new int[rows], positions);
    }

    private static int[] minusOnes(int n) {
        int[] from = new int[n];
        java.util.Arrays.fill(from, -1);
        return from;
    }

    private record OneSlot(KvArena[] arenas, Batch batch, int capacity) implements KvStep {
        @Override
        public Array attend(int layer, Array qkv, AttentionShape shape) {
            if (arenas[layer] == null) {
                arenas[layer] = KvArena.allocate(1, shape.kvHeads(), capacity, shape.headDim(), qkv.dtype());
            }
            Array q = Mlx.qkvRopeWrite(
                    qkv,
                    arenas[layer],
                    batch,
                    shape.heads(),
                    shape.kvHeads(),
                    shape.headDim(),
                    shape.qNorm(),
                    shape.kNorm(),
                    shape.eps(),
                    shape.rope().dims(),
                    shape.rope().base(),
                    shape.rope().scale(),
                    shape.rope().freqs());
            return Mlx.attention(q, arenas[layer], batch, shape.heads(), shape.scale());
        }
    }
}
