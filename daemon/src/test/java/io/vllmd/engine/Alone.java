package io.vllmd.engine;

import io.vllmd.mlx.Array;
import io.vllmd.mlx.KvPages;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.Scope;
import io.vllmd.mlx.StepRows;
import io.vllmd.model.AttentionShape;
import io.vllmd.model.KvStep;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a request must yield, by the plainest loop there is: the prompt in one pass, then a token at a time through the
 * host, pages of its own. Shares nothing with the engine but the model and the random numbers. MLX thread.
 */
final class Alone {

    private Alone() {}

    @SuppressWarnings("try") // the scope is there to be closed
    static List<Integer> tokens(LanguageModel model, GenerationRequest request) {
        LanguageModel.Description description = model.description();
        int[] prompt = request.prompt();
        int capacity = prompt.length + request.maxTokens();
        KvPages[] arenas = new KvPages[description.kvLayers().size()];
        List<Integer> answer = new ArrayList<>();
        try {
            int[] input = prompt;
            int position = 0;
            while (answer.size() < request.maxTokens()) {
                int token;
                try (Scope scope = Scope.open();
                        StepRows rows = rows(position, input.length)) {
                    KvStep step = new OneSequence(arenas, rows, Math.ceilDiv(capacity, KvPages.PAGE));
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
            for (KvPages arena : arenas) {
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

    private static StepRows rows(int start, int rows) {
        int[] positions = new int[rows];
        Arrays.setAll(positions, i -> start + i);
        int[] pages = new int[Math.ceilDiv(start + rows, KvPages.PAGE)];
        Arrays.setAll(pages, i -> i);
        return StepRows.of(new int[rows], positions, new int[][] {pages}, new int[1], new int[1]);
    }

    private static int[] minusOnes(int n) {
        int[] from = new int[n];
        Arrays.fill(from, -1);
        return from;
    }

    private record OneSequence(KvPages[] arenas, StepRows rows, int pages) implements KvStep {
        @Override
        public Array attend(int layer, Array qkv, AttentionShape shape) {
            if (arenas[layer] == null) {
                arenas[layer] = KvPages.allocate(pages, pages, shape.kvHeads(), shape.headDim(), qkv.dtype(), 0);
            }
            Array q = Mlx.append(
                    qkv,
                    arenas[layer],
                    rows,
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
            return Mlx.attention(q, arenas[layer], rows, shape.heads(), shape.scale(), 0);
        }
    }
}
